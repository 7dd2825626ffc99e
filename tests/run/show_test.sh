# --show: coloured characters, as many as the terminal has room for, where it shows no pictures of its own; sixels where it
# says that it can; and what was asked for by name.
. "$(dirname "$0")/lib.sh"
command -v script >/dev/null || { echo "skipped: script(1) is not there"; exit 77; }
tiny_model tiny
echo "--prompt a house --width 64 --height 64 --steps 2" >p.txt

# on_terminal DIR WORDS...: the run with --show on a terminal of 80 columns, with these words in the environment; to `seen`.
on_terminal() {
  local words="env -u COLORTERM -u NO_COLOR -u LC_CTYPE -u KITTY_WINDOW_ID -u TERM_PROGRAM TERM=xterm-256color ${*:2}"
  script -qec "stty cols 80; $words '$program' run p.txt -o $1 -m tiny -w 1 --show --no-history" /dev/null >seen </dev/null ||
    fail "$1: $(cat seen)"
}
escape=$(printf '\033')

on_terminal colours LC_ALL=C.UTF-8 COLORTERM=truecolor
is $((24 * 12)) "$(grep -o '▀' seen | wc -l)" "half blocks of a square picture"
is $((24 * 12)) "$(grep -oE "${escape}\[38;2;[0-9]+;[0-9]+;[0-9]+m" seen | wc -l)" "colours of 24 bits"
grep -q "000000-0.png" seen || fail "the picture is not named"

on_terminal few LC_ALL=C.UTF-8
is $((24 * 12)) "$(grep -oE "${escape}\[48;5;[0-9]+m" seen | wc -l)" "colours of xterm's 256"

on_terminal ascii LC_ALL=C
is 0 "$(grep -c '▀' seen || true)" "half blocks where the terminal has no UTF-8"
is $((12 * 12)) "$(grep -oE "${escape}\[48;5;[0-9]+m  " seen | wc -l)" "coloured blanks"

on_terminal plain LC_ALL=C.UTF-8 NO_COLOR=1
grep -q "no terminal with colours" seen || fail "nothing says why nothing is shown: $(cat seen)"
is 0 "$(grep -c '▀' seen || true)" "half blocks without colours"

# on_answering ANSWER DIR HOW WORDS...: the run on a terminal that answers the question what it is.
terminal=$build/tests/run_terminal
on_answering() {
  "$terminal" run "$1" seen env -u NO_COLOR -u KITTY_WINDOW_ID -u TERM_PROGRAM TERM=xterm-256color LC_ALL=C.UTF-8 "${@:4}" \
    "$program" run p.txt -o "$2" -m tiny -w 1 "--show$3" --no-history || fail "$2: $(cat seen)"
}
on_answering '?62;4;22' sixels ''
is "160 160" "$("$terminal" compare seen sixels/000000-0.png | cut -d' ' -f1,2)" "pixels: eight lines of 20"
# 256 colours and their dithering change noise by 7 of 255; another picture, or swapped colours, by 40 and more.
"$terminal" compare seen sixels/000000-0.png | awk '{ exit !($3 < 12) }' || fail "it is another picture: $("$terminal" compare seen sixels/000000-0.png)"
is 0 "$(grep -c '▀' seen || true)" "half blocks beside sixels"

on_answering '?62;14;22' none ''
is 0 "$(grep -c "${escape}P" seen || true)" "sixels where 14 is no 4"
is $((24 * 12)) "$(grep -o '▀' seen | wc -l)" "half blocks where the terminal shows no sixels"
on_answering '?4' class ''
is 0 "$(grep -c "${escape}P" seen || true)" "sixels where 4 is the terminal's class"
on_answering '' silent ''
is $((24 * 12)) "$(grep -o '▀' seen | wc -l)" "half blocks where nothing is answered"

on_answering '' asked =sixel NO_COLOR=1
"$terminal" compare seen asked/000000-0.png >/dev/null || fail "no sixels, though they were asked for"
is 0 "$(grep -c "${escape}\[c" seen || true)" "questions where the answer was given"
on_answering '?62;4' blocks =blocks
is $((24 * 12)) "$(grep -o '▀' seen | wc -l)" "half blocks, asked for"
on_answering '' kitty =kitty
grep -q "${escape}_Gf=100" seen || fail "not kitty's way"
on_answering '' iterm =iterm2
grep -q "${escape}]1337;File=inline=1" seen || fail "not iTerm2's way"
expect 2 "found 'svg', wanted one of auto|kitty|iterm2|sixel|blocks" run p.txt -o no -m tiny --show=svg
