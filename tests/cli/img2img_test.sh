# Image to image: the init image decides the size, is resized where another is asked for, and matters.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
expect 0 "" paint "a house" -m tiny --steps 2 --seed 1 --width 64 --height 48 -o init.png

expect 0 "" paint "a house" -m tiny --steps 4 --seed 1 --init-image init.png --strength 0.5 -o a.png --json
cp out a.json
is 64 "$(json a.json settings width)"
is 48 "$(json a.json settings height)"
is 0.5 "$(json a.json settings strength)"
is 2 "$(json a.json timings unet_step '#')" "half of four steps"
json a.json timings vae_encode wall_ms >/dev/null || fail "no time of vae_encode"
grep -aq "Denoising strength: 0.5" a.png || fail "the strength is not in the file"

expect 0 "" paint "a house" -m tiny --steps 4 --seed 1 --init-image init.png --strength 0.5 --width 32 -o b.png --json
is 32 "$(json out settings width)"
is 48 "$(json out settings height)"

expect 0 "" paint "a house" -m tiny --steps 2 --seed 2 --width 64 --height 48 -o init2.png
expect 0 "" paint "a house" -m tiny --steps 4 --seed 1 --init-image init2.png --strength 0.5 -o c.png --json
[ "$(json a.json digest)" != "$(json out digest)" ] || fail "the init image changes nothing"
