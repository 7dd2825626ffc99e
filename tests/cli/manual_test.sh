# The man page knows every option, environment variable, sampler and family that the program knows.
. "$(dirname "$0")/lib.sh"
page=$source/docs/atelier.1

sed 's/\\-/-/g' "$page" >page # roff writes every dash as \-
expect 0 "" --help
sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' out >commands
[ -s commands ] || fail "no commands in --help"
while read -r command; do
  grep -q "^\.B atelier $command" page || fail "$command is not in the man page's synopsis"
done <commands
for command in paint "model inspect" "model synth" "model probe" "model tokenize" "model schedule" topology cpu bench run retry status verify gallery \
  study compare report history; do
  # shellcheck disable=SC2086
  expect 0 "" $command --help
  cp out help
  { grep -oE -- '--[a-z][a-z-]+' help || true; } | sort -u | while read -r option; do
    [ "$option" = --help ] || grep -q -- "$option" page || fail "$command: $option is not in the man page"
  done
  { grep -oE 'ATELIER_[A-Z_]+' help || true; } | sort -u | while read -r variable; do
    grep -q "$variable" page || fail "$command: $variable is not in the man page"
  done
  sed -n 's/.*\(Samplers\|Families\): \(.*\)\.$/\2/p' help | tr -d ' ' | tr ',' '\n' | while read -r name; do
    grep -qw "$name" page || fail "$command: $name is not in the man page"
  done
done
