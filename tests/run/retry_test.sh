# One failing job never stops a run; what failed is a prompt file, and is tried again in the same directory.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 6
echo '--prompt "too often" --width 64 --height 64 --steps 1001' >>p.txt
echo '--prompt "no such sampler" --width 64 --height 64 --sampler_name None' >>p.txt
expect 3 "job 6 failed: 1001 steps" run p.txt -o pictures -m tiny -w 2 --json
is 6 "$(json out done)"
is 2 "$(json out failed)"
reconcile pictures 8
is 2 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl"
is 1 "$(grep -c '"prompt":"too often"' pictures/failed.jsonl)"

# failed.jsonl is a prompt file of its own, with the same ids.
expect 3 "2 of 2\|0 of 2" run pictures/failed.jsonl -o again -m tiny -w 1
is "$(awk -F'\t' '$3 == "FAIL" { print $5 }' pictures/ledger.tsv | sort)" \
  "$(awk -F'\t' '$3 == "FAIL" { print $5 }' again/ledger.tsv | sort)" "ids of what failed"

# A finished run is not begun again; failed jobs wait for retry, which fails for the same reasons.
expect 3 "" run p.txt -o pictures -m tiny -w 2
is 1 "$(grep -c '	PLAN	' pictures/ledger.tsv)" "sessions"
expect 3 "1001 steps" retry pictures -w 1
is 2 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl after a retry"
reconcile pictures 8

# A failure that would not come again: job 3's DONE is made a FAIL, as if its workers had died three times.
id=$(awk -F'\t' '$3 == "DONE" && $4 == 3 { print $5 }' pictures/ledger.tsv)
next=$(($(tail -n 1 pictures/ledger.tsv | cut -f2) + 1))
body="$next	FAIL	3	$id	3	its workers died	poison"
crc=$(printf '%s' "$body" | gzip -c | tail -c 8 | od -An -tx4 -N4 | tr -d ' ')
printf '%s\t%s\n' "$crc" "$body" >>pictures/ledger.tsv
digest=$(digests pictures | grep 000003-3.png)
rm pictures/000003-3.png
expect 3 "" run p.txt -o pictures -m tiny -w 2 -q
is 3 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl with one more"
expect 3 "" retry pictures -w 1 -q
is "$digest" "$(digests pictures | grep 000003-3.png)" "the retried picture"
is 2 "$(wc -l <pictures/failed.jsonl)" "lines of failed.jsonl after it was painted"
reconcile pictures 8
expect 1 "holds no run" retry tiny
