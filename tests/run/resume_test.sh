# A run that is killed again and again ends with the same pictures as one that is not, each job once.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
n=80
write_prompts p.txt $n
run_prompts p.txt whole -q 2>err || fail "the undisturbed run"
reconcile whole $n

struck=0
for kills in 1 2 3 4 5 6; do
  start_prompts p.txt killed
  wait_for_done killed $((kills * 3))
  code=0
  kill -9 $job 2>/dev/null || true
  wait $job 2>/dev/null || code=$?
  [ $code != 137 ] || struck=$((struck + 1)) # a late one ends by itself where this script hardly gets to run
done
[ $struck -ge 3 ] || fail "only $struck of six kills struck"
expect 0 "" run p.txt -o killed -m tiny -w 2 -q
reconcile killed $n
is "$(digests whole)" "$(digests killed)" "pictures after $struck kills"

# What a crash leaves between a file and its record: the file is adopted, not painted again.
grep -v "	DONE	5	" whole/ledger.tsv >ledger
cp -r whole adopted
cp ledger adopted/ledger.tsv
expect 0 "" run p.txt -o adopted -m tiny -w 2 -q
reconcile adopted $n
is "$(digests whole)" "$(digests adopted)" "pictures after one was adopted"
cmp whole/000005-5.png adopted/000005-5.png || fail "the adopted picture was painted again"

# A record without its file: painted again, to the same pixels. A file cut short: the same.
cp -r whole missing
rm missing/000003-3.png
head -c 1000 whole/000004-4.png >missing/000004-4.png
expect 0 "" run p.txt -o missing -m tiny -w 2 -q
reconcile missing $n
is "$(digests whole)" "$(digests missing)" "pictures after two were lost"

# A torn tail of the ledger, and temporary files that a crash left.
cp -r whole torn
truncate -s -60 torn/ledger.tsv
: >torn/.atelier-000001-1.png.part
expect 0 "cut off" run p.txt -o torn -m tiny -w 2
reconcile torn $n
is "$(digests whole)" "$(digests torn)" "pictures after the ledger was torn"
