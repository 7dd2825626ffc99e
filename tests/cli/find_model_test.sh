# Without --model the program takes the model that lies beside it: "default", else the first that is not "-fast".
. "$(dirname "$0")/lib.sh"
mkdir -p bin share/atelier/models
cp "$program" bin/atelier
program=$room/bin/atelier

expect 1 "no model was named" paint x -o none.png
tiny_model share/atelier/models/b-fast
name() {
  expect 0 "" paint x --steps 1 -o x.png --force --json
  json out model name
}
is b-fast "$(name)" "the only one"
cp -r share/atelier/models/b-fast share/atelier/models/c
is c "$(name)" "rather than a fast one"
mkdir share/atelier/models/a # without a model_index.json it is none
is c "$(name)" "rather than a folder that is no model"
ln -s b-fast share/atelier/models/default
is b-fast "$(name)" "the one that the link points to"
