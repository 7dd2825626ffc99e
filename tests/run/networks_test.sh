# Networks beside the model: jobs of one batch ask for different ones, and every picture is the same whoever paints it.
. "$(dirname "$0")/lib.sh"
golden=$source/tests/golden/models
cp -r "$golden/sd1" sd1
cp -r "$golden/loras/sd1" loras
run_sd1() { # run_sd1 DIR WORDS...
  expect 0 "" run p.txt -o "$1" -m sd1 --width 32 --height 40 --steps 2 --seed 7 -q "${@:2}"
}
for i in 1 2 3; do
  printf '%s\n' "a fox" "a fox<lora:kohya:0.8>" "a <lora:peft:-0.5>fox<lora:kohya>" "<lora:kohya:0>a fox" \
    "--prompt a fox <lora:locon:0.5:1> --cfg_scale 1"
done >p.txt

# Any number of workers and of pictures painted together, and with a packed cache. The default is "loras" beside the model.
run_sd1 one -w 1
reconcile one 15
run_sd1 two -w 2 --lora-dir loras
run_sd1 together -w 1 --batch-size 8
run_sd1 both -w 2 --batch-size 5
is "$(digests one)" "$(digests two)" "with two workers"
is "$(digests one)" "$(digests together)" "eight painted together"
is "$(digests one)" "$(digests both)" "two workers, five together"
# What the record says is enough to paint again, from wherever; a network that is gone is named.
(cd / && "$program" verify "$room/two" --repaint 15 --json) >out 2>err || fail "verify from elsewhere: $(cat err)"
is 15 "$(json out repainted_same)" "painted again from elsewhere"
mv loras gone
expect 1 "loras/.*.safetensors" verify two --repaint 15
mv gone loras
for policy in bf16 int8 fp16; do
  run_sd1 "$policy" -w 1 --policy $policy
  run_sd1 "$policy-both" -w 2 --batch-size 5 --policy $policy
  is "$(digests "$policy")" "$(digests "$policy-both")" "two workers, five together, in $policy"
done

# What a network does, and what one at strength 0 does not: same seed, one picture each.
pixels() { # pixels PROMPT: their digest
  expect 0 "" paint "$1" -m sd1 --width 32 --height 40 --steps 2 --seed 7 -q -o x.png --force --json
  json out digest
}
plain=$(pixels "a fox")
is "$plain" "$(pixels "a<lora:kohya:0> fox")" "at strength 0"
[ "$plain" != "$(pixels "a fox<lora:kohya:0.8>")" ] || fail "a network does nothing"
[ "$(pixels "a fox<lora:kohya:0.7>")" != "$(pixels "a fox<lora:kohya:0.8>")" ] || fail "strength does nothing"

# The picture says what it was painted with, and is a prompt file.
expect 0 "" paint "a fox<lora:kohya:0.8>" -m sd1 --width 32 --height 40 --steps 2 --seed 7 -q -o said.png
grep -aqE 'a fox<lora:kohya:0.8>' said.png || fail "the prompt is not in the file"
grep -aqE 'RNG: CPU, Lora hashes: "kohya: [0-9a-f]{12}", Version: atelier' said.png || fail "the hash is not in the file"
expect 0 "" run said.png -o again -m sd1 -w 1 -q
is "$(digests again | cut -d' ' -f2)" "$(pixels "a fox<lora:kohya:0.8>")" "painted from its own text"

# Nothing starts where a network is not there, is of another model, or is asked for in the negative prompt.
refuse() { # refuse PROMPT PATTERN
  echo "$1" >bad.txt
  expect 1 "$2" run bad.txt -o none -m sd1 -w 1 -q
  no_files none
}
refuse "a fox<lora:nothing:1>" "bad.txt:1:1: .*there is no file .*/loras/nothing.safetensors; --lora-dir says"
refuse "a fox<lora:kohya:x>" "<lora:kohya:x>: a strength is a number"
refuse "a fox<lora:../sd1:1>" "the name of a file without its folder"
refuse "--prompt a --negative_prompt b<lora:kohya:1>" "negative prompt: asks for the network \"kohya\""
cp "$golden/loras/sdxl/kohya.safetensors" loras/large.safetensors
refuse "a fox<lora:large:1>" "large.safetensors: tensor lora_"
head -c 1000 loras/kohya.safetensors >loras/torn.safetensors
refuse "a fox<lora:torn:1>" "torn.safetensors"

# A run does not go on with a network that has changed since.
cp loras/peft.safetensors loras/kohya.safetensors
expect 2 "what differs: the networks beside the model (there: .*kohya: [0-9a-f]*.*, here: " run p.txt -o one -m sd1 \
  --width 32 --height 40 --steps 2 --seed 7 -q

# One that goes, or is exchanged, while the run runs fails the jobs that ask for it and no others. Put back, it is tried
# again.
cp "$golden/loras/sd1/kohya.safetensors" loras/kohya.safetensors
for ((i = 0; i < 80; i++)); do echo "a fox"; done >p.txt
printf '%s\n' "a fox<lora:kohya:0.8>" "a wood<lora:kohya:0.8>" >>p.txt
run_sd1 late -w 1
for change in gone exchanged; do
  "$program" run p.txt -o $change -m sd1 --width 32 --height 40 --steps 2 --seed 7 -w 1 --plain >out 2>err &
  job=$!
  hold $change
  rm loras/kohya.safetensors
  [ $change = gone ] || cp loras/peft.safetensors loras/kohya.safetensors
  kill -USR2 $job
  code=0
  wait $job || code=$?
  is 3 $code "with a network that is $change"
  is 2 "$(grep -c 'job 8[01] failed: .*kohya.safetensors' err)" "jobs that say so"
  is 80 "$(n_done $change)" "pictures of the others"
  if [ $change = gone ]; then
    expect 1 "p.txt:81:1: .*there is no file .*loras/kohya.safetensors" run p.txt -o gone -m sd1 --width 32 --height 40 \
      --steps 2 --seed 7 -q
  else
    expect 3 "was exchanged since the run began" retry exchanged -w 1
  fi
  cp "$golden/loras/sd1/kohya.safetensors" loras/kohya.safetensors
  expect 0 "" retry $change -w 1 -q
  reconcile $change 82
  is "$(digests late)" "$(digests $change)" "pictures with a network that was $change"
done

# A study ends rather than measure with a network that was exchanged meanwhile.
echo "a fox<lora:kohya:0.8>" >one.txt
"$program" study one.txt -m sd1 -o studied --width 32 --height 40 --steps 2 --workers 1 --policy fp32,bf16 --rounds 90 \
  --window 0.3 --no-corunners --no-ceilings --no-probe --plain >out 2>err &
job=$!
wait_for '"round":' studied/windows.jsonl
rm loras/kohya.safetensors
cp loras/peft.safetensors loras/kohya.safetensors
code=0
wait $job || code=$?
is 1 $code "a study with a network that was exchanged"
grep -q "kohya.safetensors.* was exchanged since the run began" err || fail "the words for it: $(tail -n 3 err)"
