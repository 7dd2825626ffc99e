# A thousand pictures while workers are killed, crashed and stopped, and the coordinator is killed, at random, again and
# again: the run ends by itself, no job failed, and every picture is that of a run that nobody disturbed.
#
# KILL_LOOP_SEED=N repeats the same choices (not the same moments: those are the machine's); KILL_LOOP_JOBS=N is for a
# longer night than the 1,000 of every test run.
. "$(dirname "$0")/lib.sh"
seed=${KILL_LOOP_SEED:-$((SRANDOM % 32768))} jobs=${KILL_LOOP_JOBS:-1000}
echo "KILL_LOOP_SEED=$seed KILL_LOOP_JOBS=$jobs"
RANDOM=$seed
declare -A sent=([KILL]=0 [SEGV]=0 [STOP]=0 [coordinator]=0)
starts=0

tiny_model tiny
for ((i = 0; i < jobs; i++)); do
  echo "--prompt picture number $i, a house --width 32 --height 32 --steps 1"
done >p.txt
run_prompts p.txt whole -q --no-sync 2>err || fail "the undisturbed run"
reconcile whole "$jobs"

# begin: the one command that starts the run, and takes it up again.
begin() {
  "$program" run p.txt -o killed -m tiny -w $workers --plain --no-sync >>out 2>>err &
  job=$!
  starts=$((starts + 1))
}

# pick_worker: a process of the pool that runs, at random, as $worker; fails if there is none.
pick_worker() {
  local pids=() pid state
  for pid in $(cat "/proc/$job/task/"*/children 2>/dev/null); do
    read -r _ _ state _ 2>/dev/null <"/proc/$pid/stat" || continue
    [[ $state == [TZX] ]] || pids+=("$pid")
  done
  [ ${#pids[@]} -gt 0 ] || return 1
  worker=${pids[RANDOM % ${#pids[@]}]}
}

# draw: one of the four as $card. Each dozen holds the same cards in another order, so that none is left out by chance.
deck=()
draw() {
  local at
  [ ${#deck[@]} -gt 0 ] || deck=(KILL KILL KILL KILL KILL SEGV SEGV SEGV SEGV STOP coordinator coordinator)
  at=$((RANDOM % ${#deck[@]}))
  card=${deck[at]}
  unset "deck[at]"
  deck=("${deck[@]}")
}

strike() {
  draw
  if [ $card = coordinator ]; then
    kill -9 $job 2>/dev/null || return 0
    code=0
    wait $job 2>/dev/null || code=$?
    [ $code = 137 ] || over=1 # it had ended by itself
    [ $over = 0 ] || return 0
    begin
  else
    pick_worker && kill -$card "$worker" 2>/dev/null || return 0
  fi
  sent[$card]=$((sent[$card] + 1))
}

: >out
: >err
begin
next=5
deadline=$((SECONDS + 60))
over=0
while [ $over = 0 ]; do
  if ! kill -0 $job 2>/dev/null; then
    code=0 over=1
    wait $job || code=$?
    continue
  fi
  if [ "$(n_done killed)" -ge $next ]; then
    strike
    # now and then in a row: workers that have just started, jobs that were lost a moment ago
    for ((i = RANDOM % 12; i < 4 && over == 0; i++)); do
      sleep 0.0$((RANDOM % 5))
      strike
    done
    next=$(($(n_done killed) + jobs / 200 + RANDOM % (jobs / 50)))
    deadline=$((SECONDS + 60))
  fi
  [ $SECONDS -lt $deadline ] || fail "no progress for a minute at picture $(n_done killed)"
  sleep 0.01
done
echo "sent: ${sent[KILL]} SIGKILL, ${sent[SEGV]} SIGSEGV and ${sent[STOP]} SIGSTOP to workers, ${sent[coordinator]} SIGKILL to the coordinator"
echo "$(grep -c '	LEASE_LOST	' killed/ledger.tsv) leases were lost, $starts sessions"
is 0 "$code" "exit code of the last session"
for at_least in KILL:15 SEGV:12 STOP:3 coordinator:6; do
  [ "${sent[${at_least%:*}]}" -ge "${at_least#*:}" ] || fail "too few ${at_least%:*}: ${sent[${at_least%:*}]}"
done
[ "$(grep -c '	LEASE_LOST	' killed/ledger.tsv)" -ge 20 ] || fail "the workers were hardly hit"

reconcile killed "$jobs"
is 0 "$(json verdict failed)" "failed jobs"
no_files killed/failed.jsonl
is "$(digests whole)" "$(digests killed)" "pictures after the storm"
sessions=$(grep -c '	PLAN	' killed/ledger.tsv)
expect 0 "" run p.txt -o killed -m tiny -w 2 -q
is "$sessions" "$(grep -c '	PLAN	' killed/ledger.tsv)" "sessions: a finished run is not begun again"
