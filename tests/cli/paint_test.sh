# One picture: its file, its texts, its report; and that it depends on what it should depend on, and on nothing else.
. "$(dirname "$0")/lib.sh"
tiny_model tiny

paint() { # paint NAME WORDS...
  local name=$1
  shift
  expect 0 "" paint "a house, by a lake" -m tiny --steps 3 --seed 7 -o "$name.png" --json "$@"
  cp out "$name.json"
}
digest() {
  json "$1.json" digest
}

paint one
is one.png "$(json one.json output)"
is 7 "$(json one.json settings seed)"
is 3 "$(json one.json settings steps)"
is 3 "$(json one.json timings unet_step '#')"
is null "$(json one.json timings vae_encode)"
for stage in load tokenize text_encode vae_decode png_encode total; do
  json one.json timings $stage wall_ms >/dev/null || fail "no time of $stage"
  json one.json timings $stage cpu_ms >/dev/null || fail "no CPU time of $stage"
done
[ "$(json one.json memory peak_rss_bytes)" -gt 1000000 ] || fail "no peak memory"
is 3 "$(grep -c '^step [1-3]/3 .*ETA' err)" "lines of progress"
is "89504e470d0a1a0a" "$(head -c 8 one.png | od -An -tx1 | tr -d ' \n')"
grep -aq "a house, by a lake" one.png || fail "the prompt is not in the file"
grep -aqE "^Steps: 3, Sampler: [^,]+, .*CFG scale: [0-9.]+, Seed: 7, Size: [0-9]+x[0-9]+, Model hash: [0-9a-f]{10}, Model: tiny, RNG: CPU" one.png ||
  fail "the settings are not in the file"
grep -aq '"digest":"'"$(digest one)" one.png || fail "the digest is not in the file"

# The same request gives the same pixels, whatever the threads; another seed, prompt or generator gives others.
paint threads --threads 3
is "$(digest one)" "$(digest threads)" "with three threads"
is "$(json one.json job)" "$(json threads.json job)" "the job's id"
paint seed --seed 8
paint negative --negative-prompt "a car: red"
paint cuda --rng cuda
paint steps --steps 4
for other in seed negative cuda steps; do
  [ "$(digest one)" != "$(digest $other)" ] || fail "$other changes nothing"
  [ "$(json one.json job)" != "$(json $other.json job)" ] || fail "$other leaves the job's id"
done
grep -aq "^Negative prompt: a car: red" negative.png || fail "no negative prompt in the file"
grep -aq "RNG: NV" cuda.png || fail "the generator is not in the file"

# Text beyond Latin-1 goes into iTXt, other text into tEXt.
expect 0 "" paint "café" -m tiny --steps 1 -o latin.png
grep -aq tEXtparameters latin.png || fail "Latin-1 is not in tEXt"
expect 0 "" paint "家" -m tiny --steps 1 -o other.png
grep -aq iTXtparameters other.png || fail "other text is not in iTXt"

# The environment stands in for options; options win.
ATELIER_MODEL=tiny ATELIER_STEPS=2 expect 0 "" paint x -o env.png --json
is 2 "$(json out settings steps)"
ATELIER_MODEL=none ATELIER_STEPS=2 expect 0 "" paint x -m tiny --steps 1 -o env2.png --json
is 1 "$(json out settings steps)"

# Without --output the file has the seed's name, which is printed; without a seed there is a random one.
expect 0 "seed 11" paint x -m tiny --steps 1 --seed 11
is 11.png "$(cat out)"
expect 0 "^atelier: seed [0-9]" paint x -m tiny --steps 1 -o random.png
expect 0 "" paint x -m tiny --steps 1 -o quiet.png --quiet
[ ! -s err ] || fail "--quiet is not quiet"

# Nothing is overwritten, unless it is said.
echo precious >there.png
expect 1 "is there already" paint x -m tiny --steps 1 -o there.png
is precious "$(cat there.png)"
expect 0 "" paint x -m tiny --steps 1 -o there.png --force
[ "$(head -c 4 there.png | tail -c 3)" = PNG ] || fail "--force did not replace it"

# No output file on error, and no leftovers.
expect 2 "65" paint x -m tiny --steps 1 --width 65 -o bad.png
expect 2 "" paint x -m tiny --steps 1 --sampler no-such -o bad.png
expect 1 "none.png" paint x -m tiny --steps 1 --init-image none.png -o bad.png
echo "no picture" >text.png
expect 1 "text.png: is not a PNG" paint x -m tiny --steps 1 --init-image text.png -o bad.png
no_files bad.png ./*.tmp
