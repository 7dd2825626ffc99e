# Init images through the pool: the pictures that `paint` gives, at the image's own size and at another, whoever paints.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
expect 0 "" paint "a house" -m tiny --steps 2 --seed 1 --width 64 --height 48 -q -o init.png
expect 0 "" paint "a lake" -m tiny --steps 2 --seed 2 --width 96 --height 80 -q -o other.png
{
  echo '{"prompt":"a tree","seed":5,"steps":6,"init_image":"init.png","strength":0.5}'
  echo '{"prompt":"a tree","seed":5,"steps":6,"init_image":"init.png","strength":1}'
  echo '{"prompt":"a tree","seed":6,"steps":6,"init_image":"other.png","strength":0.7}'
  echo '{"prompt":"a tree","seed":7,"steps":6,"init_image":"other.png","strength":0.5,"width":64,"height":64}'
  echo '{"prompt":"a tree","seed":8,"steps":6,"width":64,"height":64}'
} >p.jsonl
run_prompts p.jsonl pictures -q 2>err || fail "the run"
reconcile pictures 5
digests pictures | sed 's/^[0-9]*-[0-9]*.png //' >found

: >wanted
# painted WORDS...: the digest of what `paint` gives.
painted() {
  expect 0 "" paint "a tree" -m tiny --steps 6 --json -o one.png --force "$@"
  json out digest >>wanted
}
painted --seed 5 --init-image init.png --strength 0.5
painted --seed 5 --init-image init.png --strength 1
painted --seed 6 --init-image other.png --strength 0.7
painted --seed 7 --init-image other.png --strength 0.5 --width 64 --height 64
painted --seed 8 --width 64 --height 64
cmp wanted found || fail "pictures of pool and paint differ: $(paste wanted found)"
is 5 "$(sort -u found | wc -l)" "different pictures"

# An init image that is another file by now is said so, and fails its own jobs alone.
cp other.png init.png
expect 2 "the jobs themselves" run p.jsonl -o pictures -m tiny -w 2 -q
