# Studies: what they refuse, what they record, and that they go on where they were broken off.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 3
count() { wc -l <"$1"; }
# Windows of a loaded machine may all be flawed: then code 1, with words, is right too.
measured() {
  "$@"
  local code=$?
  [ $code = 0 ] || { [ $code = 1 ] && grep -q "no honest figure can come of this" err; }
}
measuring=("$program" study p.txt -m tiny --plain --window 0.3 --no-corunners --no-ceilings)
study() { # DIR WORDS...
  "${measuring[@]}" -o "$1" "${@:2}" 2>err
}

study none --workers 2,1 && fail "descending counts were taken"
grep -q -- "--workers: found '2,1'" err || fail "the words for descending counts: $(cat err)"
study none --policy fp32,,bf16 && fail "an empty policy was taken"
study none --policy fp32,int4 && fail "an unknown policy was taken"
grep -q -- "--policy: found 'int4', wanted some of fp32" err || fail "the words for an unknown policy: $(cat err)"
grep -q "workers start" err && fail "workers were started for an unknown policy"
study none --policy bf16,fp32,bf16 && fail "a policy was taken twice"
grep -q -- "--policy: bf16 stands there twice" err || fail "the words for a policy that is there twice: $(cat err)"
printf '%s\n' "--prompt a --steps 2" "--prompt b --steps 3" >uneven.txt
"$program" study uneven.txt -m tiny -o none --plain 2>err && fail "pictures of different cost were taken"
grep -q "measuring what the machine can do" err && fail "ceilings were measured for a bad plan"
grep -q "prompt 2: found the model's own size, 3 steps of .*; wanted .* 2 steps of .*equal cost" err || fail "the words for different costs: $(cat err)"
printf '%s\n' "--prompt a --steps 1001" "--prompt b --width 65" "--prompt c<lora:none>" >wrong.txt
for command in study compare; do
  expect 1 "wrong.txt: 3 lines have mistakes" $command wrong.txt -m tiny -o none --plain
  grep -q "wrong.txt:1:1: 1001 steps; wanted 1 to 1000" err || fail "the words for too many steps: $(cat err)"
  grep -q "wrong.txt:2:1: width: found 65 px" err || fail "the words for an odd width: $(cat err)"
  grep -q 'wrong.txt:3:1: the prompt asks for the network "none"' err || fail "the words for a missing network: $(cat err)"
done
[ ! -e none/windows.jsonl ] || fail "something was measured of a bad plan"

# One core is enough: a flawed window counts as measured after its third attempt.
measured study s --workers 1 --rounds 2 --no-probe >out || fail "the study: $(cat err)"
is true "$(tail -n 1 s/windows.jsonl | grep -q '"workers":1' && echo true)" "windows of one worker"
for f in study.json windows.jsonl jobs.jsonl machine.xml report.html report.md report.csv report.json evidence.csv; do
  [ -s s/$f ] || fail "s/$f is not there"
done
[ "$(count s/windows.jsonl)" -ge 2 ] || fail "there are $(count s/windows.jsonl) windows"
lines=$(count s/windows.jsonl)
measured study s --workers 1 --rounds 2 --no-probe >out || fail "the study again: $(cat err)"
is "$lines" "$(count s/windows.jsonl)" "windows, when all were measured before"
study s --workers 1 --rounds 2 --no-probe --threads 2 && fail "another plan was taken into the same directory"
grep -q "holds another study: 'threads 1' there, 'threads 2' now\. Go on" err || fail "the words for another plan: $(cat err)"

# One worker count alone, by the machine's own grid: its rate, and no recommendation.
cpu=$(taskset -cp $$ | sed 's/.*[ ,-]//')
measured study one --rounds 1 --no-probe --cpus "$cpu" >out || fail "the study of one core: $(cat err)"
grep -q "Only one worker count is measured" err || fail "the words for a single worker count: $(cat err)"
grep -q "No recommendation can be made" one/report.md || fail "a recommendation from one worker count: $(cat one/report.md)"
grep -q "Only one worker count is measured" one/report.html || fail "the report does not say that there is one count"
measured study one --rounds 1 --no-probe --cpus "$cpu" >out || fail "the study of one core again: $(cat err)"
grep -q "all of which the record has" err || fail "the words for a study that is whole: $(cat err)"
rows() { "$program" history --json --kind "$1" >rows && json rows rows '#'; } # KIND
one_rows=$(rows study)
measured study one --rounds 1 --no-probe --cpus "$cpu" >out || fail "the study of one core, a third time: $(cat err)"
grep -q '"width":64,"height":64,"steps":8,' one/study.json || fail "a study that is whole forgot its pictures: $(cat one/study.json)"
is "$one_rows" "$(rows study)" "rows of the history, when nothing was left to measure"
"$program" compare p.txt -m tiny -o one --plain --no-ceilings 2>err && fail "a comparison was taken into a study's directory"
grep -q "a study, not a comparison" err || fail "the words for a study's directory: $(cat err)"

# Another build that measures nothing leaves the record's; one that goes on with it says so, for good.
begun=$(json one/study.json started)
sed -i 's/"commit":"[^"]*"/"commit":"an older one"/' one/study.json
measured study one --rounds 1 --no-probe --cpus "$cpu" >out || fail "the study of one core by another build: $(cat err)"
is "an older one" "$(json one/study.json commit)" "the commit of a record that is whole"
! grep -q "More than one build" one/study.json || fail "a build that measured nothing is said to have"
head -n 1 one/windows.jsonl >one/windows.jsonl.new
sed -i 's/"sequence":0,/"sequence":7777,/' one/windows.jsonl.new
mv one/windows.jsonl.new one/windows.jsonl
for i in 1 2; do
  measured study one --rounds 1 --no-probe --cpus "$cpu" >out || fail "the study of one core by two builds: $(cat err)"
  grep -q "More than one build measured this: the first 1 window, then others (commit: 'an older one' there, '" one/report.md ||
    fail "it does not say that two builds measured: $(cat one/report.md)"
done
[ "an older one" != "$(json one/study.json commit)" ] || fail "the record has not the latest build"
is "$begun" "$(json one/study.json started)" "when it was begun"

# Several thread counts: what would share cores is left out; with a single one it is measured, and said.
n=$(nproc)
if [ "$n" -gt 1 ]; then
  measured study several --workers "1,$n" --threads "1,$n" --rounds 1 --no-probe >out || fail "the study of threads: $(cat err)"
  is 0 "$(grep -c "\"workers\":$n,\"threads\":$n," several/windows.jsonl)" "windows of $n workers x $n threads"
  is true "$(grep -q "\"workers\":1,\"threads\":$n," several/windows.jsonl && echo true)" "windows of 1 worker x $n threads"
fi

# Broken off: what was measured stays, the rest is measured. A torn last line is measured again.
head -n 1 s/windows.jsonl >first && head -c 60 s/windows.jsonl | cat first - >s/windows.jsonl.new
mv s/windows.jsonl.new s/windows.jsonl
measured study s --workers 1 --rounds 2 --no-probe >out || fail "the study that was torn: $(cat err)"
is "$(cat first)" "$(head -n 1 s/windows.jsonl)" "the first window, kept"
is 2 "$(grep -c '"round":' s/windows.jsonl | awk '{ print ($1 >= 2) ? 2 : $1 }')" "windows of both rounds"

# Killed: the head has what the first pictures told, and the report says how far it came.
"${measuring[@]}" -o k --workers 1 --rounds 90 --no-probe >out 2>err &
job=$!
wait_for '"round":' k/windows.jsonl
kill -KILL $job
wait $job 2>/dev/null || true
grep -q '"width":64,"height":64,"steps":8' k/study.json || fail "the size is not in the head: $(cat k/study.json)"
"$program" report k >out 2>err || true # 1: all of its windows were flawed
grep -q "of 90 rounds are whole" k/report.md || fail "the words for a study that was killed: $(cat k/report.md)"

# A batch by one core and by many; with fp32 there, the others' quality.
compare() { "$program" compare p.txt -m tiny -o c --plain --rounds 1 --policy fp32,bf16 --no-ceilings "$@" >out 2>err; }
measured compare || fail "the comparison: $(cat err)"
for f in report.html report.md report.csv report.json samples.jsonl pictures/fp32/0001.png pictures/bf16/0003.png; do
  [ -s c/$f ] || fail "c/$f is not there"
done
is 2 "$(grep -o '"psnr_db"' c/study.json | wc -l)" "policies whose quality is told"

# It leaves a row for each policy that has a valid batch, once.
found=$(rows compare)
if grep -q '"round":[0-9]*,"attempt":[0-9]*,.*"valid":true' c/windows.jsonl; then
  [ "$found" -ge 1 ] || fail "no row of the comparison is in the history"
  is compare "$(json rows rows 0 kind)" "kind"
  is "$room/c" "$(json rows rows 0 place)" "place"
  is "64x64, 8 steps, 3 pictures" "$(json rows rows 0 work)" "work"
  is images_per_hour "$(json rows rows 0 figures 0 name)" "headline"
else
  is 0 "$found" "rows of flawed batches"
fi
lines=$(count c/windows.jsonl)
measured compare || fail "the comparison again: $(cat err)"
grep -q '"width":64,"height":64,"steps":8,' c/study.json || fail "a comparison that is whole forgot its pictures: $(cat c/study.json)"
again=$(rows compare) # a policy all of whose batches were flawed may have a valid one now
if [ "$lines" = "$(count c/windows.jsonl)" ]; then
  is "$found" "$again" "rows, when nothing was left to measure"
else
  [ "$again" -ge "$found" ] && [ "$again" -le 2 ] || fail "$again rows of two policies, after $found"
fi
found=$again
rm -r c
compare --no-history || true
is "$found" "$(rows compare)" "rows of a comparison with --no-history"

# Taken up again with a network of the same name and other numbers: refused, by its name and both hashes.
cp -r "$source/tests/golden/models/sd1" sd1
cp -r "$source/tests/golden/models/loras/sd1" loras
echo "a <lora:peft:0.5>fox<lora:kohya:0.8>" >fox.txt
for command in study compare; do
  fox() {
    "$program" $command fox.txt -m sd1 -o "fox-$command" --width 32 --height 40 --steps 2 --rounds 1 --no-ceilings --plain \
      --cpus "$cpu" "$@" >out 2>err
  }
  [ $command = compare ] || set -- --window 0.3 --no-probe --no-corunners
  measured fox "$@" || fail "a $command with networks: $(cat err)"
  cp -r loras others
  cp others/locon.safetensors others/kohya.safetensors
  fox "$@" --lora-dir others && fail "a $command was taken up with another network"
  grep -qE "fox-$command holds another study: network 'kohya: [0-9a-f]{12}' there, 'kohya: [0-9a-f]{12}' now\. Go on" err ||
    fail "the words for another network: $(cat err)"
  # A record from before does not say which they were, and is taken up.
  sed -i 's/"networks":"[^"]*",//' "fox-$command/study.json"
  measured fox "$@" --lora-dir others || fail "an older $command with networks: $(cat err)"
  grep -q '"networks":"peft: ' "fox-$command/study.json" || fail "the record does not say the networks"
  rm -r others
  set --
done
