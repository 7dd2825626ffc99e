# A job that crashes whoever paints it is given up after three attempts on two workers; the others are painted, the exit
# code is 3, and failed.jsonl paints it once what was wrong is put right.
. "$(dirname "$0")/lib.sh"
use_shim "${6:-}"
tiny_model tiny
expect 0 "" paint x -m tiny --width 64 --height 64 --steps 1 --seed 1 -q -o poison.png
for ((i = 0; i < 24; i++)); do
  if [ $i = 7 ]; then
    echo '{"prompt":"poison","steps":4,"init_image":"poison.png"}'
  else
    echo "{\"prompt\":\"number $i\",\"width\":64,\"height\":64,\"steps\":4}"
  fi
done >p.jsonl
run_prompts p.jsonl whole -q 2>err || fail "the undisturbed run"

code=0
ATELIER_SHIM=poison:1 ATELIER_SHIM_OF=worker LD_PRELOAD="$shim" \
  "$program" run p.jsonl -o pictures -m tiny -w 2 --plain >out 2>err </dev/null || code=$?
is 3 $code "with one job that crashes its worker"
grep -q "job 7 failed again and again (poison): .*signal 11" err || fail "it does not say what failed"
awk -F'\t' '$3 == "LEASE_LOST" && $4 == 7 && /signal 11/ { print $7 }' pictures/ledger.tsv >lost
# Exactly three: worker and job are told by what lay on the worker's desk (schemas/desk.h), whatever of its messages was
# still on its way when it died. By its messages alone they were four to eight on a busy machine, the others held against
# the picture before.
is 3 "$(wc -l <lost)" "attempts"
is 2 "$(sort -u lost | wc -l)" "workers that tried it"
is "poison" "$(awk -F'\t' '$3 == "FAIL" { print $8 }' pictures/ledger.tsv)" "the reason in the ledger"
is 23 "$(digests pictures | wc -l)" "pictures of the others"
is 1 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl"
reconcile pictures 24
is 1 "$(json verdict failed)" "failed jobs"

# What failed is a prompt file, and can be tried again in its place.
expect 0 "" run pictures/failed.jsonl -o again -m tiny -w 1 -q
is "$(digests whole | awk '/000007/ { print $2 }')" "$(digests again | cut -d' ' -f2)" "the picture, from failed.jsonl"
expect 0 "" retry pictures -w 2 -q
reconcile pictures 24
is "$(digests whole)" "$(digests pictures)" "all pictures in the end"

# Killed behind jobs that failed, and taken up: what was not painted yet is painted, what failed stays so.
for ((i = 0; i < 60; i++)); do
  case $i in
    1 | 9) echo "{\"prompt\":\"poison $i\",\"steps\":4,\"init_image\":\"poison.png\"}" ;;
    *) echo "{\"prompt\":\"number $i\",\"width\":64,\"height\":64,\"steps\":4}" ;;
  esac
done >many.jsonl
for n_failed in 1 2; do
  ATELIER_SHIM=poison:1 ATELIER_SHIM_OF=worker LD_PRELOAD="$shim" \
    "$program" run many.jsonl -o killed -m tiny -w 2 --plain >out 2>err </dev/null &
  job=$!
  for ((i = 0; i < 1200; i++)); do
    [ "$(cat killed/ledger.tsv 2>/dev/null | grep -c "	FAIL	")" -lt $n_failed ] || break
    sleep 0.05
  done
  kill -9 $job 2>/dev/null || true
  wait $job 2>/dev/null || true
done
expect 3 "" run many.jsonl -o killed -m tiny -w 2 -q
reconcile killed 60
is 2 "$(json verdict failed)" "failed jobs after two kills"
is 2 "$(wc -l <killed/failed.jsonl)" "lines of failed.jsonl after two kills"
expect 0 "" retry killed -w 2 -q
reconcile killed 60
is 0 "$(json verdict failed)" "failed jobs in the end"
