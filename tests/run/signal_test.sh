# Ctrl-C and SIGTERM: the first drains, the second ends the workers; the ledger is valid, and the run goes on from there.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 40

start() {
  env --default-signal=INT,TERM "$program" run p.txt -o "$1" -m tiny -w 2 --plain >run.out 2>err &
  job=$!
  wait_for_done "$1" 2
}

for signal in INT TERM; do
  start $signal
  kill -$signal $job
  code=0
  wait $job || code=$?
  is $((128 + $(kill -l $signal))) $code "after one SIG$signal"
  grep -q "stopping" err || fail "it does not say that it stops"
  "$program" status $signal --json >state
  is stopped "$(json state state)"
  [ "$(json state done)" -lt 40 ] || fail "nothing was left to do"
  no_files $signal/.atelier-*
  is "" "$(awk -F'\t' '$3 == "START" { s[$4] = 1 } $3 == "DONE" && !s[$4] { print $4 }' $signal/ledger.tsv)" \
    "jobs that were done before they were begun"
  is 0 "$(awk -F'\t' '$3 == "START" { s[$4] = 1 } $3 == "DONE" { delete s[$4] } END { print length(s) }' \
    $signal/ledger.tsv)" "jobs that were begun and not finished"
done
expect 0 "" run p.txt -o INT -m tiny -w 2 -q
reconcile INT 40

# Twice: at once.
printf -- '--prompt slow --steps 1000 --width 128 --height 128\n' >slow.txt
env --default-signal=INT "$program" run slow.txt -o twice -m tiny -w 1 --plain >run.out 2>err &
job=$!
for ((i = 0; i < 600; i++)); do
  ! grep -q "	START	" twice/ledger.tsv 2>/dev/null || break
  sleep 0.05
done
kill -INT $job
sleep 0.3
kill -INT $job
code=0
wait $job || code=$?
is 130 $code "after two SIGINT"
"$program" status twice --json >state
is killed "$(json state state)"

# SIGUSR1 pauses, SIGUSR2 goes on.
start paused
kill -USR1 $job
for ((i = 0; i < 600; i++)); do
  ! grep -q paused err || break
  sleep 0.05
done
sleep 1
then=$(n_done paused)
sleep 1
is "$then" "$(n_done paused)" "pictures while it is paused"
kill -USR2 $job
wait $job || fail "after a pause"
reconcile paused 40
