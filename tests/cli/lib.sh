# lib.sh - for the scripts here: sourced first, with their arguments. Each script runs in an empty directory of its own
# and ends at the first thing that is not as it should be.
set -euo pipefail
program=$1 source=$2 room=$3 build=$4 json_get=$5
rm -rf "$room"
mkdir -p "$room"
cd "$room"
unset "${!ATELIER_@}" NO_COLOR
export XDG_CACHE_HOME=$room/cache XDG_DATA_HOME=$room/data

fail() {
  echo "FAILED at line ${BASH_LINENO[-2]} of $(basename "${BASH_SOURCE[-1]}"): $*" >&2
  [ ! -s err ] || sed 's/^/  stderr: /' err >&2
  exit 1
}

# expect CODE PATTERN WORDS...: runs the program with WORDS; its exit code must be CODE, and its stderr must hold
# PATTERN (a basic regular expression; "" for anything). What it said is left in the files `out` and `err`.
expect() {
  local wanted=$1 pattern=$2 code=0
  shift 2
  "$program" "$@" >out 2>err </dev/null || code=$?
  [ "$code" = "$wanted" ] || fail "exit code $code, wanted $wanted: atelier $*"
  [ -z "$pattern" ] || grep -q -- "$pattern" err || fail "stderr lacks '$pattern': atelier $*"
}

# is WANTED FOUND WORDS...: two strings are equal.
is() {
  [ "$1" = "$2" ] || fail "found '$2', wanted '$1': ${*:3}"
}

# no_files GLOB...: nothing of that name is there.
no_files() {
  local f
  for f in "$@"; do
    [ ! -e "$f" ] || fail "$f is there"
  done
}

# json FILE KEY...: the value at that path; arrays by index, `#` for their length.
json() {
  "$json_get" "$@"
}

tiny_model() {
  expect 0 "" model synth tiny "$1" --dtype "${2:-f32}" --quiet
}
