# --show on terminals without pictures of their own: coloured characters, as many as the terminal has room for.
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
