# A limit where there is to be room for the weights that workers share (fault 16): the space is asked for before a byte is written, so that the
# answer is words and an exit code, never SIGBUS in the middle of a picture.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 3

# refused WHY: the run ended in words, no worker died of a signal, and nothing was painted.
refused() {
  [ "$code" = 1 ] || fail "exit code $code, wanted 1"
  grep -q "shared weights: cannot find room: $1" err || fail "it does not say why"
  ! grep -q "signal" err || fail "a worker died of a signal"
  no_files ./*/*.png
}

# Files may not grow beyond 1 MB: the kernel itself refuses a memfd of 22 MB.
code=0
(
  ulimit -f 1024
  exec "$program" run p.txt -o limited -m tiny -w 2 --plain
) >out 2>err </dev/null || code=$?
refused "File too large"
expect 0 "" run p.txt -o limited -m tiny -w 2 -q
reconcile limited 3
