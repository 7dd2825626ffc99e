# A full /dev/shm (fault 16): the space for the weights that workers share is found before a byte is written, so that the
# answer is words and an exit code, never SIGBUS in the middle of a picture. The memfd is a file of a small tmpfs here,
# in a mount namespace of its own, and it is the kernel that finds it full.
if [ -z "${FULL_NAMESPACE:-}" ]; then
  unshare --mount true 2>/dev/null || { echo "no mount namespace can be had here"; exit 77; }
  FULL_NAMESPACE=1 exec unshare --mount bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
use_shim "${6:-}"
tiny_model tiny
write_prompts p.txt 3
mkdir shm
mount -t tmpfs -o size=8m none shm || exit 77

code=0
timeout 100 env ATELIER_SHIM=small:1 ATELIER_SHIM_DIR="$PWD/shm" ATELIER_SHIM_HIT="$PWD/hit" \
  LD_PRELOAD="$shim" "$program" run p.txt -o full -m tiny -w 2 --plain >out 2>err </dev/null || code=$?
[ -e hit ] || fail "it took its memory elsewhere"
is 1 $code "with a full tmpfs"
grep -q "shared weights: cannot find room: " err || fail "it does not say why"
! grep -q "signal" err || fail "a worker died of a signal"
no_files full/*.png
expect 0 "" run p.txt -o full -m tiny -w 2 -q
reconcile full 3
