# A full disk (fault 13), where no small disk can be mounted either: from some moment on every new picture is refused as a
# full disk does it. What was painted is held, nothing more is handed out, and all goes on once there is room.
# disk_full_test.sh does the same with a real disk.
. "$(dirname "$0")/lib.sh"
use_shim "${6:-}"
n=40
tiny_model tiny
write_prompts p.txt $n
run_prompts p.txt whole -q 2>err || fail "the undisturbed run"

# fill DIR: a run into DIR whose disk is full after its first pictures.
fill() {
  rm -f full hit
  env --default-signal=INT LD_PRELOAD="$shim" ATELIER_SHIM=full:1 ATELIER_SHIM_DIR="$PWD/full" ATELIER_SHIM_HIT="$PWD/hit" \
    "$program" run p.txt -o "$1" -m tiny -w 2 --plain >out 2>err &
  job=$!
  wait_for_done "$1" 3
  : >full
  wait_for "the disk is full" err
  wait_for_still "$1"
  [ "$(n_done "$1")" -lt $n ] || fail "the disk was not full"
  kill -0 $job || fail "it did not wait"
}

fill waits
"$program" status waits --json >state
is running "$(json state state)"
rm full
wait $job || fail "after there was room again"
grep -q "there is room on the disk again" err || fail "it does not say that it goes on"
reconcile waits $n
is "$(digests whole)" "$(digests waits)" "pictures after a full disk"

# Ctrl-C while the disk is full: what is on the disk stays, the rest is painted later.
fill stopped
kill -INT $job
code=0
wait $job || code=$?
is 130 $code "after SIGINT on a full disk"
rm full
expect 0 "" run p.txt -o stopped -m tiny -w 2 -q
reconcile stopped $n
is "$(digests whole)" "$(digests stopped)" "pictures after a stop on a full disk"
