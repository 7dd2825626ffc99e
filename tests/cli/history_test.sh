# Runs leave rows; the history shows them, judges them, and is what --workers auto asks.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
for i in 1 2 3; do echo "--prompt house $i --width 64 --height 64 --steps 2"; done >p.txt
db=$XDG_DATA_HOME/atelier/history.sqlite

expect 0 "" history
grep -q "^Nothing was measured yet" out || fail "no word of an empty history"
no_files "$db"
expect 1 "none.sqlite: No such file" history --db none.sqlite

# A row for a run that painted, none for one that had nothing to paint, nor with --no-history, nor for a dry run.
expect 0 "" run p.txt -o o1 -m tiny -w 2 --quiet
expect 0 "" run p.txt -o o1 -m tiny -w 2 --quiet
expect 0 "" run p.txt -o o2 -m tiny -w 2 --quiet --no-history
expect 0 "" run p.txt -m tiny --dry-run
expect 0 "" history --json
is 1 "$(json out rows '#')" "rows"
is run "$(json out rows 0 kind)" "kind"
is tiny "$(json out rows 0 model)" "model"
is fp32 "$(json out rows 0 policy)" "policy"
is 2 "$(json out rows 0 workers)" "workers"
is 1 "$(json out rows 0 threads)" "threads"
is "64x64, 2 steps" "$(json out rows 0 work)" "work"
is "$room/o1" "$(json out rows 0 place)" "place"
is images_per_minute "$(json out rows 0 figures 0 name)" "headline"
is images/min "$(json out rows 0 figures 0 unit)" "its unit"
hash=$(json out rows 0 model_hash) machine=$(json out rows 0 machine)
case $machine in *" core"*" GiB") ;; *) fail "machine '$machine'" ;; esac

# Seven runs: a trend, as words, lines, a picture.
for i in 3 4 5 6 7 8; do expect 0 "" run p.txt -o o$i -m tiny -w 2 --quiet; done
expect 0 "" history --last 3
is 3 "$(grep -c ' images/min *run, tiny, fp32, 2 × 1, 64x64, 2 steps; ' out)" "rows shown"
grep -q '^  [▁▂▃▄▅▆▇█]\{7\} .*images_per_minute' out || fail "no sparkline: $(cat out)"
expect 0 "" history --csv --last 1
is "id,time,kind,machine,version,commit,model,model_hash,policy,order,workers,threads,work,place,figure,unit,value" \
  "$(head -n 1 out)" "CSV head"
grep -q '^7,.*,images_per_minute,images/min,[0-9.]*$' out || fail "no CSV line"
expect 0 "" history --plot plot.svg --figure unet_mean
grep -q '^</svg>$' plot.svg || fail "no SVG"
is 7 "$(grep -c '<title>' plot.svg)" "points"
expect 0 "" history --plot - --figure unet_mean
cmp -s out plot.svg || fail "not the same SVG on standard output"
expect 1 "no figure 'weather' is there" history --plot x.svg --figure weather
no_files x.svg
expect 0 "" history --machine nowhere --json
is 0 "$(json out rows '#')" "rows of no machine"
expect 2 "wanted one of run|study|compare|bench" history --kind walk
expect 2 "wanted one of them" history --json --csv

# A regression that is made up is named; so is a study, which --workers auto then follows.
if command -v sqlite3 >/dev/null; then
  sqlite3 "$db" "INSERT INTO entries SELECT 100, time_s, kind, machine, version, commit_id, model_name, model_hash, policy,
      worker_order, workers, threads, work, place FROM entries WHERE id = 7;
    UPDATE figures SET value = 1000 + entry WHERE rank = 0;
    UPDATE figures SET value = 99 WHERE name = 'cpu_share'; -- whatever machine this is
    INSERT INTO figures SELECT 100, rank, name, unit, value / 2, better FROM figures WHERE entry = 7 AND rank = 0;"
  expect 0 "" history
  grep -q '^WORSE: images_per_minute is .* (the median of 7 before): .*run, tiny, fp32, 2 × 1' out || fail "not WORSE: $(cat out)"
  # The same on a loaded machine is not judged, and the row says why.
  sqlite3 "$db" "INSERT INTO figures VALUES(100, 30, 'cpu_share', '%', 55, 0);"
  expect 0 "" history
  ! grep -q '^WORSE' out || fail "a disturbed row was judged: $(cat out)"
  grep -q '^not judged: images_per_minute is .* while it was measured it had a CPU for 55 % of its time; run, tiny' out ||
    fail "not named as disturbed: $(cat out)"
  sqlite3 "$db" "INSERT INTO entries VALUES(101, 1750000000, 'study', '$machine', '', '', 'tiny', '$hash', 'fp32', 'scatter', 1, 2,
      '64x64', '/a/study');"
  expect 0 "workers auto: 1 × 2 threads, as the study of 2025-06-15 .* recommends, 64x64, in /a/study" run p.txt -o s1 -m tiny
  grep -q '	PLAN	.*	workers=1	threads=2	' s1/ledger.tsv || fail "not the study's plan: $(grep PLAN s1/ledger.tsv)"
  expect 0 "" run p.txt -o s2 -m tiny --threads 1
  ! grep -q "study" err || fail "a study of other threads was followed"
  expect 0 "" run p.txt -o s3 -m tiny --order compact
  ! grep -q "study" err || fail "a study of another order was followed"
fi

# Filters that fit no row are told from an empty history; forms for programs stay what they are.
expect 0 "no row is of that machine, model, policy and kind" history --machine nonesuch
! grep -q "Nothing was measured" out || fail "filters that fit nothing pass for an empty history"
expect 0 "" history --machine nonesuch --json
is 0 "$(json out rows '#')" "rows of no machine"

# A history that cannot be written costs a sentence, not the run.
echo "no database, but long enough to be looked at as one: $(seq 200)" >text
ATELIER_HISTORY=$room/text expect 0 "the history has no row of this (.*text: " run p.txt -o t1 -m tiny --quiet
is 1 "$(grep -c history err)" "sentences about the history"
ATELIER_HISTORY=/proc/none/x expect 0 "the history has no row of this" run p.txt -o t2 -m tiny --quiet
ATELIER_HISTORY=$room/text expect 1 "is not a database" history
