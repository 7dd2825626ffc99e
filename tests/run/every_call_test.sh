# A run whose n-th call that changes a file kills it, and one whose n-th such call fails, for every n: taken up again,
# each ends with the same pictures, each job once. Several pictures are written together in it.
. "$(dirname "$0")/lib.sh"
use_shim "${6:-}"
workers=1
tiny_model tiny
printf -- '--prompt %s --width 32 --height 32 --steps 1\n' house lake boat wood hill >p.txt
run_prompts p.txt whole -q 2>err || fail "the undisturbed run"
wanted=$(digests whole)

# disturbed HOW N: one run, disturbed and then taken up; fails where there is no n-th call any more.
disturbed() {
  local code=0
  rm -rf pictures hit
  timeout 60 env LD_PRELOAD="$shim" ATELIER_SHIM=$1:$2 ATELIER_SHIM_HIT="$PWD/hit" "$program" run p.txt -o pictures \
    -m tiny -w 1 -q >out 2>err || code=$?
  [ -e hit ] || return 1
  parts=$(find pictures -name '.atelier-*.png.part' 2>/dev/null | wc -l)
  most_parts=$((parts > most_parts ? parts : most_parts))
  case $1:$code in kill:137 | fail:0 | fail:1) ;; *) fail "exit code $code where call $2 is to $1" ;; esac
  expect 0 "" run p.txt -o pictures -m tiny -w 1 -q
  reconcile pictures 5
  is "$wanted" "$(digests pictures)" "pictures where call $2 was to $1"
}

most_parts=0
for how in kill fail; do
  n=1
  while disturbed $how $n; do
    n=$((n + 1))
    [ $n -lt 200 ] || fail "there is no end of calls"
  done
  [ $n -gt 20 ] || fail "only $n calls were disturbed"
  echo "$how: $((n - 1)) calls"
done
[ $most_parts -gt 1 ] || fail "no run was struck over pictures that are written together"
