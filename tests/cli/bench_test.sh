# `atelier cpu` and `atelier bench`: what they print, in every format, and what they refuse.
. "$(dirname "$0")/lib.sh"
export ATELIER_HISTORY=$PWD/history.sqlite
model=$source/models/pochade

# What this machine has. A forced instruction set is what is chosen, and no policy gets another.
expect 0 "" cpu
grep -q '^Kernels .*(chosen)' out || fail "nothing is chosen: $(cat out)"
grep -q '^fp32 .*first and last' out || fail "no policy"
expect 0 "" cpu --json
cp out before
[ -n "$(json before isa)" ] || fail "no isa"
is true "$(json before topology machine this_machine)" "this machine"
ATELIER_ISA=portable "$program" cpu --json >out
is portable "$(json out isa)" "isa"
is portable "$(json out isa_asked_for)" "isa asked for"
is blas "$(json out policies fp32 convolutions kernels)" "fp32's kernels without vectors"
is portable "$(json out policies bf16 convolutions kernels)" "bf16's kernels without vectors"

# Rows: every stage at every size on every number of threads; text has no size.
expect 0 "warming up 6 cases" bench -m "$model" --policy fp32 -t 1,2 -W 64,128 -H 64,64 -s text_encode,vae_decode \
  -r 2 -o json --no-history --no-ceilings
[ ! -e history.sqlite ] || fail "--no-history left a history"
is 6 "$(json out '#')" "rows"
is stage "$(json out 0 kind)" "kind of the first row"
is text_encode "$(json out 0 name)" "name of the first row"
is 2 "$(json out 0 n)" "repetitions"
is 2 "$(json out 0 batch)" "batch of text"
is null "$(json out 0 of_peak)" "a share of no ceiling"

# A layer's rows add up to no more than their stage, shares are of the ceilings of the same run, and the roofline is a
# whole SVG.
expect 0 "round 1 of 1" bench -m "$model" -s vae_decode -W 64 -r 1 -k --roofline roof.svg -o csv
grep -q '^"layer","conv3x3 ' out || fail "no layers: $(head -c 2000 out)"
grep -q '^"ceiling","latency_memory"' out || fail "no latency"
awk -F, '$1 == "\"stage\"" { whole = $12 } $1 == "\"layer\"" { sum += $12 } END { exit !(sum > 0 && sum <= whole) }' \
  out || fail "layers take longer than their stage"
awk -F, '$2 == "\"gemm_f32\"" && !peak { peak = $12 }
  $1 == "\"stage\"" { share = $23; rate = $17 / $12 * 1000 }
  END { d = share - 100 * rate / peak; exit !(d < 0.5 && d > -0.5 && share > 0) }' out || fail "no share of the peak: $(cat out)"
head -c 4 roof.svg | grep -q '<svg' || fail "no SVG"
tail -n 1 roof.svg | grep -q '</svg>' || fail "half an SVG"
[ -e history.sqlite ] || fail "no row in the history"
expect 0 "" history
grep -q 'bench, pochade, fp32' out || fail "the history lacks the bench: $(cat out)"

# Other formats.
expect 0 "" bench -m "$model" -s text_encode -r 1 -o sql --no-history --no-ceilings
grep -q '^CREATE TABLE IF NOT EXISTS bench (kind TEXT' out || fail "no table"
is 1 "$(grep -c '^INSERT INTO bench VALUES (' out)" "rows of SQL"
expect 0 "" bench -m "$model" -s text_encode -r 3 -o jsonl --no-history --no-ceilings
is 1 "$(wc -l <out)" "lines of JSON"
expect 0 "" bench -m "$model" -s text_encode -r 1 --no-history --no-ceilings
grep -q '^| text_encode, batch 2 | fp32 |' out || fail "no table: $(cat out)"
grep -q '^Noise: change of a ceiling from begin to end not known; while it ran, steal' out || fail "no noise"

# What cannot be meant.
expect 2 "wanted some of text_encode" bench -s unet
expect 2 "wanted one for each of 2 widths" bench -W 64,128 -H 64,64,64
expect 2 "wanted a --width as well" bench -H 64
expect 2 "which need them" bench --no-ceilings --roofline roof.svg
expect 2 "found '1,,2'" bench -t 1,,2
expect 2 "multiples of" bench -m "$model" -s vae_decode -W 65 -r 1
expect 2 "policy: found" bench -m "$model" --policy fp99 -r 1
expect 2 "wanted memory or stream" probe disk
