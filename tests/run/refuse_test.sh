# What a run refuses before any worker starts, and what it says.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 4
run_prompts p.txt pictures -q 2>err || fail "the first run"
cp pictures/ledger.tsv before

# A directory that holds another run: each difference by name.
write_prompts more.txt 5
expect 2 "holds another run; what differs: the number of jobs (there: 4, here: 5); the jobs themselves" run more.txt -o pictures -m tiny
expect 2 "what differs: the jobs themselves (prompts, settings or seeds)$" run p.txt -o pictures -m tiny --seed 9
expect 2 "what differs: the pictures' names (there: \[index\]-\[seed\], here: \[index\])" run p.txt -o pictures -m tiny --name "[index]"
expect 0 "" model synth tiny other --seed 5 --quiet
expect 2 "what differs: the model's weights (there: [0-9a-f]*, here: [0-9a-f]*)" run p.txt -o pictures -m other
cmp before pictures/ledger.tsv || fail "a refused run wrote into the ledger"

# Files of others in the place of pictures are named and left alone.
mkdir foreign
echo mine >foreign/000002-2.png
expect 2 "foreign/000002-2.png: is there already and is no picture of this run" run p.txt -o foreign -m tiny
is mine "$(cat foreign/000002-2.png)"
mkdir stranger
cp pictures/000000-0.png stranger/000001-1.png
expect 2 "stranger/000001-1.png: is there already" run p.txt -o stranger -m tiny
cmp pictures/000000-0.png stranger/000001-1.png || fail "it was touched"
mkdir links
ln -s ../pictures/000000-0.png links/000000-0.png
expect 2 "links/000000-0.png: is there already" run p.txt -o links -m tiny

# Mistakes in the prompt file: nothing starts, the directory is not made.
printf 'a house\n--stepz 4 --prompt x\n' >bad.txt
expect 1 "bad.txt:2:" run bad.txt -o none -m tiny
is 1 "$(wc -l <err)" "words about one mistake"
for ((i = 0; i < 24; i++)); do printf -- '--prompt x --width 65\na house\n'; done >>bad.txt
expect 1 "bad.txt: and 5 more: 25 lines have mistakes; wanted none" run bad.txt -o none -m tiny
is 21 "$(wc -l <err)" "words about 25 mistakes"
grep -q "bad.txt:39:1: width: found 65 px, wanted a multiple of 8" err || fail "the twentieth is not told"
echo "--prompt x --clip_skip 60" >skip.txt
expect 1 "skip.txt:1:1: clip skip: found 60, wanted 1 to [0-9]* for this text encoder" run skip.txt -o none -m tiny
no_files none
expect 2 "CPU 4000 is not there" run p.txt -o none -m tiny --cpus 4000
no_files none
expect 2 "there is no --output" run p.txt -m tiny
expect 1 "none.txt" run none.txt -o none -m tiny
expect 1 "none.prompts: cannot be opened: No such file" run none.prompts -o none -m tiny
cp p.txt p.prompts
expect 2 "p.prompts: its name does not say what it is; wanted .txt" run p.prompts -o none -m tiny
echo "--prompt x --tiling true" >tiles.txt
expect 1 "tiles.txt:1:12: --tiling: Atelier cannot honour it; wanted it left out, or --lenient" run tiles.txt -o none -m tiny
: >blank.txt
expect 0 "blank.txt:1:1: found no prompt in the whole file; there is nothing to paint" run blank.txt -m tiny --dry-run
expect 1 "" run p.txt -o none -m nothing

# A directory where nothing can be written (root may write anywhere: then /proc stands for it).
mkdir closed
chmod 500 closed
closed=closed
[ "$(id -u)" != 0 ] || closed=/proc
expect 1 "cannot create" run p.txt -o "$closed" -m tiny

# A second coordinator in the same directory, long before the first is at its end.
write_prompts many.txt 80
workers=1
start_prompts many.txt busy
wait_for_done busy 1
expect 2 "another process is running" run many.txt -o busy -m tiny
"$program" status busy --json >state
is running "$(json state state)"
wait $job || fail "the first coordinator was disturbed"
reconcile busy 80
"$program" status busy --json >state
is finished "$(json state state)"
is 80 "$(json state done)"
