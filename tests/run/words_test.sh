# What a run prints: dry runs, what is in force, summary, timings, and what verify finds.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 4

expect 0 "4 pictures would be painted with tiny" run p.txt -m tiny --dry-run --seed 7 --negative-prompt blurry
is 4 "$(wc -l <out)" "lines of a dry run"
head -n 1 out | grep -q '"negative_prompt":"blurry","seed":7,"steps":8' || fail "the first job: $(head -n 1 out)"
mv out jobs.jsonl
expect 0 "" run jobs.jsonl -m tiny --dry-run --steps 3
cmp out jobs.jsonl || fail "a dry run's lines, read again, are other jobs"
expect 0 "12 pictures" run p.txt -m tiny --dry-run --sweep cfg_scale=3,5,7
expect 0 "24 pictures" run p.txt -m tiny --dry-run --sweep cfg_scale=3,5,7 --sweep "prompt=house,boat"
"$program" run - -m tiny --dry-run <p.txt >out 2>err || fail "standard input"
is 4 "$(wc -l <out)" "lines from standard input"

mkdir -p config/atelier
printf '# mine\nsteps = 9\nwidth=64\n' >config/atelier/config
export XDG_CONFIG_HOME=$PWD/config
ATELIER_HEIGHT=72 expect 0 "" run p.txt --print-config --steps 5 -g 3
grep -q '^steps = 5  # option$' out || fail "an option: $(grep '^steps' out)"
grep -q "^width = 64  # $PWD/config/atelier/config$" out || fail "the config file: $(grep '^width' out)"
grep -q '^height = 72  # ATELIER_HEIGHT$' out || fail "the environment: $(grep '^height' out)"
grep -q '^batch-size = 1  # default$' out || fail "a default: $(grep '^batch-size' out)"
echo nonsense >config/atelier/config
expect 1 "config:1: found 'nonsense'" run p.txt --print-config
unset XDG_CONFIG_HOME

expect 0 "images per minute" run p.txt -o pictures -m tiny -w 2 --json --steps 3
cp out summary
cmp summary pictures/summary.json || fail "the summary that is printed is not the one in the directory"
is finished "$(json summary how)"
is 4 "$(json summary jobs)"
is 2 "$(json summary workers '#')"
is 4 $(($(json summary workers 0 pictures) + $(json summary workers 1 pictures)))
head -n 1 pictures/timings.jsonl >line
is 8 "$(json line unet_steps)" "steps that were timed"
is 8 "$(json line unet_step '#')"
is null "$(json line vae_encode)" "a stage that did not happen"
head -n 1 pictures/timings.csv | tr -d '\r' | tr ',' '\n' | wc -l >columns
is 1 "$(tr -d '\r' <pictures/timings.csv | awk -F, '{ print NF }' | sort -u | wc -l)" "widths of the lines of timings.csv"
grep -q '@DATA@' pictures/index.html && fail "the page was not filled in"
grep -q '"settings":"picture number 0, a house\\nSteps: 8' pictures/index.html || fail "the page lacks the settings"

# Who paints in fp32 is told what would be faster here, once.
faster=$("$program" cpu --json >cpu && json cpu auto_policy)
told="painting in fp32; --policy auto would take"
expect 0 "" run p.txt -o slow -m tiny -w 1
if [ "$faster" = fp32 ]; then
  ! grep -q "$told" err || fail "told of nothing faster: $(cat err)"
else
  grep -q "$told $faster here" err || fail "not told of $faster: $(cat err)"
fi
expect 0 "" run p.txt -o slow -m tiny -w 1
! grep -q "$told" err || fail "told when it is too late"
ATELIER_ISA=portable expect 0 "" run p.txt -o slowest -m tiny -w 1
! grep -q "$told" err || fail "told of nothing faster, without instructions: $(cat err)"
expect 0 "" run p.txt -o fast -m tiny -w 1 --policy auto
! grep -q "$told" err || fail "told who had chosen"

# Quiet and to the point.
expect 0 "" run p.txt -o quiet -m tiny -w 1 -q
[ ! -s err ] || fail "words in spite of --quiet"

# verify finds what is not as it was; repainting gives the same pixels.
expect 0 "" verify pictures --repaint 2 --json
is 2 "$(json out repainted_same)"
is 0 "$(json out repainted_different)"
printf 'XX' | dd of=pictures/000001-1.png bs=1 seek=6000 conv=notrunc 2>dd.err
rm pictures/000002-2.png
cp pictures/000000-0.png pictures/000003-3.png
expect 1 "000001-1.png: is not a sound PNG" verify pictures
grep -q "000002-2.png: it is not there" err || fail "the missing one"
grep -q "000003-3.png: its pixels are not what was painted" err || fail "the exchanged one"
grep -q "^1 picture whole, 1 missing, 2 damaged" out || fail "the counts: $(cat out)"
rm pictures/000002-2.png pictures/000001-1.png pictures/000003-3.png 2>rm.err || true
expect 0 "" run p.txt -o pictures -m tiny -w 1 -q --steps 3
reconcile pictures 4
expect 0 "" gallery pictures
