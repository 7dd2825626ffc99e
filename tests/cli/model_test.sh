# atelier model: synth, inspect, tokenize, schedule, and the mistakes of probe.
. "$(dirname "$0")/lib.sh"

tiny_model tiny
tiny_model half f16
[ "$(du -sb half | cut -f 1)" -lt "$(du -sb tiny | cut -f 1)" ] || fail "f16 is not smaller than f32"
tiny_model again
diff -r tiny again || fail "the same seed gives other weights"
expect 0 "" model synth tiny seed --dtype f32 --seed 1 --quiet
! diff -rq tiny seed >diff || fail "another seed gives the same weights"
expect 2 "tiny: is there already" model synth tiny tiny

expect 0 "" model inspect tiny
[ -s out ] || fail "nothing is told"
expect 0 "" model inspect tiny --json
json out >report
cp -r tiny broken
rm broken/unet/*.safetensors
expect 1 "" model inspect broken
cp -r tiny torn
weights=$(ls torn/vae/*.safetensors | head -n 1)
truncate -s -1 "$weights"
expect 1 "" model inspect torn
expect 1 "safetensors" paint x -m torn --steps 1 -o x.png
no_files x.png

printf '%s\n' '"a house"' '""' '"\u00e9\ud83c\udfa8 \"quoted\""' >lines
"$program" model tokenize tiny <lines >ids 2>err || fail "tokenize"
is 3 "$(wc -l <ids)"
grep -vqE '^\[[0-9]+(,[0-9]+)+\]$' ids && fail "not arrays of ids"
printf '%s\n' '"a"' 'a house' | "$program" model tokenize tiny >ids 2>err && fail "a line that is no JSON was taken"
grep -q "stdin:2: " err || fail "the line is not named"
is 1 "$(wc -l <ids)" "the line before it"

for sampler in ddim pndm euler euler_a heun dpmpp_2m dpmpp_2m_karras dpmpp_2m_sde unipc lcm; do
  expect 0 "" model schedule tiny --sampler $sampler --steps 4
  [ "$(json out timesteps '#')" -ge 4 ] || fail "$sampler has too few timesteps"
done
expect 2 "" model schedule tiny --sampler no-such --steps 4

expect 2 "no-such" model probe tiny no-such --in none --out g
expect 1 "none" model probe tiny unet --in none --out g
no_files g
