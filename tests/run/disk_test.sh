# A limit on the size of files ends the run in words, and nothing is lost.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 40
run_prompts p.txt whole -q 2>err || fail "the undisturbed run"

# RLIMIT_FSIZE: an error of write(2), never a signal. The pictures here have about 10 KB.
code=0
(
  ulimit -f 8
  exec "$program" run p.txt -o limited -m tiny -w 2 --plain
) >out 2>err || code=$?
is 1 $code "under a limit of 8 KB a file"
grep -q "File too large" err || fail "it does not say why"
no_files limited/.atelier-*.png.part
expect 0 "" run p.txt -o limited -m tiny -w 2 -q
reconcile limited 40
is "$(digests whole)" "$(digests limited)" "pictures after a limit"
