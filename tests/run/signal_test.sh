# Ctrl-C, SIGTERM and a closed terminal: the first drains, the second ends the workers; the ledger is valid, and the run goes on from there.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
# More than are painted before whoever waits for two of them looks again.
n=80
write_prompts p.txt $n

start() {
  env --default-signal=INT,TERM,HUP "$program" run p.txt -o "$1" -m tiny -w 2 --plain >run.out 2>err &
  job=$!
  wait_for_done "$1" 2
}

for signal in INT TERM HUP; do
  start $signal
  kill -$signal $job
  [ $signal != HUP ] || kill -HUP $job # the shell's and the kernel's
  code=0
  wait $job || code=$?
  is $((128 + $(kill -l $signal))) $code "after one SIG$signal"
  grep -q "stopping" err || fail "it does not say that it stops"
  "$program" status $signal --json >state
  is stopped "$(json state state)"
  is 0 "$(json state leases_lost)" "leases that were lost by a stop in good order"
  is "$(json state put_back)" "$(grep -c 'put back$' $signal/ledger.tsv)" "jobs that were put back"
  [ "$(json state put_back)" -gt 0 ] || fail "workers that had a job waiting put nothing back"
  [[ $("$program" status $signal) == *"put back before painting"* ]] || fail "status does not tell"
  is "$(json state images_per_minute)" "$(json $signal/summary.json images_per_minute)" "images a minute"
  is "$(json state images_per_minute)" "$(grep -o '"images_per_minute":[0-9.e+]*' $signal/index.html | cut -d: -f2)" \
    "images a minute in the gallery"
  [ "$(json state done)" -lt $n ] || fail "nothing was left to do"
  no_files $signal/.atelier-*
  is "" "$(awk -F'\t' '$3 == "START" { s[$4] = 1 } $3 == "DONE" && !s[$4] { print $4 }' $signal/ledger.tsv)" \
    "jobs that were done before they were begun"
  is 0 "$(awk -F'\t' '$3 == "START" { s[$4] = 1 } $3 == "DONE" { delete s[$4] } END { print length(s) }' \
    $signal/ledger.tsv)" "jobs that were begun and not finished"
done
expect 0 "" run p.txt -o INT -m tiny -w 2 -q
reconcile INT $n

# Twice: at once.
printf -- '--prompt slow --steps 1000 --width 256 --height 256\n' >slow.txt
env --default-signal=INT "$program" run slow.txt -o twice -m tiny -w 1 --plain >run.out 2>err &
job=$!
wait_for "	START	" twice/ledger.tsv
kill -INT $job
wait_for "stopping" err # two signals that are both pending would be one
kill -INT $job
code=0
wait $job || code=$?
is 130 $code "after two SIGINT"
"$program" status twice --json >state
is killed "$(json state state)"

# Once SIGTERM, and the picture takes longer than the grace.
env --default-signal=TERM "$program" run slow.txt -o grace -m tiny -w 1 --plain --grace 1 >run.out 2>err &
job=$!
wait_for "	START	" grace/ledger.tsv
kill -TERM $job
code=0
wait $job || code=$?
is 143 $code "after one SIGTERM and its grace"
"$program" status grace --json >state
is killed "$(json state state)"
is 0 "$(json state done)"

# Under nohup SIGHUP is nothing. Who read the words may be gone, too.
mkfifo words
env --ignore-signal=HUP "$program" run p.txt -o ignored -m tiny -w 2 --plain >run.out 2>words &
job=$!
head -n 1 words >first.word
wait_for_done ignored 2
kill -HUP $job
wait $job || fail "after a SIGHUP that is ignored, with nobody to hear it: exit code $?"
reconcile ignored $n

# SIGUSR1 pauses, SIGUSR2 goes on.
start paused
kill -USR1 $job
wait_for paused err
wait_for_still paused # what was being painted is finished
[ "$(n_done paused)" -lt $n ] || fail "nothing was left to pause"
wait_for state=paused paused/ledger.tsv
"$program" status paused --json >state
is paused "$(json state state)"
is null "$(json state eta_s)" "time left while it is paused"
kill -USR2 $job
wait_for state=painting paused/ledger.tsv
"$program" status paused --json >state
[[ $(json state state) =~ ^(running|finished)$ ]] || fail "it is $(json state state) after it went on"
wait $job || fail "after a pause"
reconcile paused $n
