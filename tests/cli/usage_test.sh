# What the program says to mistakes that need no model to be seen.
. "$(dirname "$0")/lib.sh"

expect 0 "" --help
grep -q '^  paint ' out || fail "--help lists no commands"
expect 0 "" --version
grep -qE '^atelier [0-9]+\.[0-9]+\.[0-9]+$' out || fail "no version"
for command in paint "model inspect" "model synth" "model probe" "model tokenize" "model schedule" topology cpu bench run retry status verify gallery history report; do
  # shellcheck disable=SC2086
  expect 0 "" $command --help
  head -n 1 out | grep -q "^Usage: atelier $command" || fail "no usage of $command"
done
expect 0 "" help paint
expect 0 "" help model

expect 2 "which command"
expect 2 "did you mean 'paint'" piant x
expect 2 "unknown command 'xyzzy'" xyzzy
expect 2 "which command" model
expect 2 "did you mean 'inspect'" model inspct x
expect 2 "there is no prompt" paint
expect 2 "did you mean '--guidance-scale'" paint x --guidance 3
expect 2 "one word too many: 'house'" paint a house
expect 2 "given twice" paint a --prompt b
expect 2 "steps: found 'many', wanted a whole number from 1" paint x --steps many
expect 2 "width: found '-8'" paint x --width -8
expect 2 "seed: found '-1'" paint x --seed -1
expect 2 "strength: found '1.5'" paint x --init-image y --strength 1.5
expect 2 "no --init-image" paint x --strength 0.5
expect 2 "wanted one of cpu|cuda" paint x --rng gpu
expect 2 "policy: found 'int4'" paint x --policy int4
expect 2 "needs a value: FILE" paint x -o
ATELIER_STEPS=0 expect 2 "^atelier: ATELIER_STEPS: found '0'" paint x
expect 1 "not UTF-8: byte 2 is 0xff" paint $'ab\xff'
expect 1 "the negative prompt: is not UTF-8" paint x -n $'\xc0\x80'
expect 1 "is not there" paint x -o none/x.png
expect 1 "is a directory" paint x -o . --force
expect 1 "none: " paint x -m none -o x.png
no_files x.png
expect 2 "wanted --in FILE and --out FILE" model probe none unet
expect 2 "wanted: atelier model synth" model synth tiny
expect 2 "wanted one of f32|f16|bf16" model synth tiny d --dtype f64
expect 2 "" model synth no-such-family d
no_files d
expect 1 "" model inspect none
expect 1 "" model tokenize none
expect 1 "" model schedule none
[ "$(wc -l <err)" = 1 ] || fail "an error is one line"

# Words of a file or a command line never reach the terminal as commands.
expect 1 '\\x1b\[31m' paint x -m $'\e[31m'
# What could not be printed is an error.
if [ -e /dev/full ]; then
  code=0
  "$program" --help >/dev/full 2>err || code=$?
  is 1 "$code" "exit code with a full disk"
fi
