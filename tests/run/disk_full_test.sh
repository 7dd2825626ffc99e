# A full disk is waited out, and a run can be stopped on one; nothing is lost in either. The disk is a small tmpfs, in a
# mount namespace of its own.
if [ -z "${FULL_NAMESPACE:-}" ]; then
  unshare --mount true 2>/dev/null || { echo "no mount namespace can be had here"; exit 77; }
  FULL_NAMESPACE=1 exec unshare --mount bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 40
run_prompts p.txt whole -q 2>err || fail "the undisturbed run"

mkdir disk
mount -t tmpfs -o size=2m none disk || exit 77
head -c 1950000 /dev/zero >disk/filler
start_prompts p.txt disk/pictures
wait_for "the disk is full" err
sleep 1
kill -0 $job || fail "it did not wait"
[ "$("$program" status disk/pictures --json | grep -o '"done":[0-9]*' | cut -d: -f2)" -lt 40 ] || fail "the disk was not full"
rm disk/filler
wait $job || fail "after there was room again"
grep -q "there is room on the disk again" err || fail "it does not say that it goes on"
reconcile disk/pictures 40
is "$(digests whole)" "$(digests disk/pictures)" "pictures after a full disk"

# Ctrl-C while the disk is full: what is on the disk stays, the rest is painted later.
rm -rf disk/pictures
head -c 1950000 /dev/zero >disk/filler
env --default-signal=INT "$program" run p.txt -o disk/stopped -m tiny -w 2 --plain >out 2>err &
job=$!
wait_for "the disk is full" err
kill -INT $job
code=0
wait $job || code=$?
is 130 $code "after SIGINT on a full disk"
rm disk/filler
expect 0 "" run p.txt -o disk/stopped -m tiny -w 2 -q
reconcile disk/stopped 40
is "$(digests whole)" "$(digests disk/stopped)" "pictures after a stop on a full disk"
