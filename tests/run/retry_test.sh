# One failing job never stops a run; what failed is a prompt file, and is tried again in the same directory.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
expect 0 "" paint x -m tiny --width 64 --height 64 --steps 1 --seed 1 -q -o first.png
expect 0 "" paint x -m tiny --width 64 --height 64 --steps 1 --seed 2 -q -o other.png
cp first.png init.png
cp first.png second.png
n=60
write_prompts p.txt $n
sed 's/.*/{"prompt":"&","width":64,"height":64,"steps":8}/; s/--prompt //; s/ --width 64 --height 64 --steps 8//' p.txt >p.jsonl
echo '{"prompt":"from a picture","steps":4,"init_image":"init.png"}' >>p.jsonl
echo '{"prompt":"from another","steps":4,"init_image":"second.png"}' >>p.jsonl

# Two jobs, the last, begin from pictures that are changed after all lines were checked.
workers=1
start_prompts p.jsonl pictures --json
hold pictures
cp other.png init.png
rm second.png
kill -USR2 $job
workers=2
code=0
wait $job || code=$?
is 3 $code "with two jobs that cannot be painted"
grep -q "job $n failed: " err || fail "it does not say what failed"
is $n "$(json out done)"
is 2 "$(json out failed)"
is 2 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl"
is 2 "$(grep -c '	FAIL	' pictures/ledger.tsv)" "FAIL records"
cp first.png init.png
cp first.png second.png
reconcile pictures $((n + 2))

# Failed jobs wait for retry: a finished run is not begun again.
expect 3 "" run p.jsonl -o pictures -m tiny -w 2
is 1 "$(grep -c '	PLAN	' pictures/ledger.tsv)" "sessions"
is 2 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl"

# failed.jsonl is a prompt file of its own, with the same ids.
expect 0 "" run pictures/failed.jsonl -o again -m tiny -w 1 -q
is "$(awk -F'\t' '$3 == "FAIL" { print $5 }' pictures/ledger.tsv | sort)" \
  "$(awk -F'\t' '$3 == "DONE" { print $5 }' again/ledger.tsv | sort)" "ids of what failed"

# One of them tried again, then the other, with the pictures as they were.
sed -i 2d pictures/failed.jsonl
expect 3 "" retry pictures -w 1 -q
is $((n + 1)) "$(digests pictures | wc -l)" "pictures after one was tried again"
expect 3 "" run p.jsonl -o pictures -m tiny -w 2 -q
is 1 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl, made again"
expect 0 "" retry pictures -w 2 -q
no_files pictures/failed.jsonl
reconcile pictures $((n + 2))
is "$(digests again | cut -d' ' -f2 | sort)" "$(digests pictures | tail -n 2 | cut -d' ' -f2 | sort)" "the retried pictures"
expect 0 "nothing failed" retry pictures -w 1
expect 1 "holds no run" retry tiny
