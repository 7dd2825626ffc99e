# --reserve-core: the coordinator's threads have one core, the workers the others; the ledger says which. On two
# cores or more.
. "$(dirname "$0")/lib.sh"
if ! "$program" topology --reserve-core --json >plan 2>err; then
  grep -q "found 1 usable" err || fail "$(cat err)"
  echo "skipped: one core"
  exit 77
fi
tiny_model tiny
write_prompts p.txt 120
cpu=$(json plan plan coordinator_cpu)

start_prompts p.txt out-dir --reserve-core -w 1
wait_for_done out-dir 8
trap 'kill -9 $job 2>/dev/null || true' EXIT
# allowed PID: the CPUs on which the threads of that process may run, but for those of libraries that only ever slept.
allowed() {
  awk '/^Cpus_allowed_list:/ { cpus = $2 } /^voluntary_ctxt_switches:/ && $2 > 5 { print cpus }' \
    /proc/"$1"/task/*/status | sort -u
}
is "$cpu" "$(allowed $job)" "the coordinator's threads"
worker=$(pgrep -P $job -f 'worker --endpoint')
[ "$(allowed "$worker")" != "$cpu" ] || fail "the worker sits on the coordinator's core"
is 1 "$(allowed "$worker" | wc -l)" "sets of CPUs of the worker's threads"
grep -q "	PLAN	.*	coordinator_cpu=$cpu\$" out-dir/ledger.tsv || fail "the ledger does not say it: $(grep PLAN out-dir/ledger.tsv)"
kill -INT $job
wait $job || true
expect 2 "only where workers are bound" run p.txt -o unbound -m tiny -w 1 --reserve-core --no-bind -q
run_prompts p.txt out-dir >out 2>err || fail "it does not go on without the reserved core: $(cat err)"
reconcile out-dir 120
