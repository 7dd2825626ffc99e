# A run in which an allocation fails, in which memory is out from there on, or which is killed at one: in the coordinator
# or in a worker. It ends by itself and in words, or is completed; taken up again it has the same pictures, each job once.
#
# Struck are the first allocation at every place of the program's own code (from a place on: at every fifth), and of all
# allocations, the libraries' too, as many as EVERY_ALLOCATION_POINTS says, spread evenly: 8 in every test run, `all` for
# a long night. Nine in ten of them are jansson's while it reads a vocabulary (engine/json_load.h).
. "$(dirname "$0")/lib.sh"
points=${EVERY_ALLOCATION_POINTS:-8}
use_shim "${6:-}"
workers=1
tiny_model tiny
printf -- '--prompt %s --width 32 --height 32 --steps 1\n' house lake >p.txt
run_prompts p.txt whole -q 2>err || fail "the undisturbed run"
wanted=$(digests whole)

# disturbed WHO ORDER N: one run, disturbed and, if it did not end well, taken up; false where there is no N.
disturbed() {
  local code=0
  rm -rf pictures hit
  timeout 100 env LD_PRELOAD="$shim" ATELIER_SHIM="$2:$3" ATELIER_SHIM_OF="$1" ATELIER_SHIM_HIT="$PWD/hit" \
    "$program" run "$room/p.txt" -o pictures -m "$room/tiny" -w 1 -q >out 2>err || code=$?
  [ -e hit ] || return 1
  case $1:$2:$code in
    coordinator:alloc-kill:137 | coordinator:*-out:134 | *:0) ;; # ZeroMQ aborts
    coordinator:*:1 | worker:alloc-*:1) [ -s err ] || fail "no word at $1 $2 $3" ;;
    *) fail "exit code $code at $1 $2 $3" ;;
  esac
  case $1:$2:$code in
    *:alloc-kill:* | worker:*:1 | *:*-out:*) ;; # the coordinator ended it, or ZeroMQ: what it held is painted again
    *) grep -q ended hit || fail "the $1 crashed at $2 $3" ;;
  esac
  if [ $code != 0 ]; then
    "$program" run "$room/p.txt" -o pictures -m "$room/tiny" -w 1 -q >out 2>err || fail "taken up after $1 $2 $3"
  fi
  reconcile pictures 2
  is 2 "$(json verdict done)" "pictures at $1 $2 $3"
  is "$wanted" "$(digests pictures)" "pictures at $1 $2 $3"
}

# count WHO ORDER: how many N there are, by halving.
count() {
  local low=0 high=200000 middle
  while [ $((high - low)) -gt $((low / 100 + 1)) ]; do
    middle=$(((low + high) / 2))
    rm -rf pictures hit
    timeout 100 env LD_PRELOAD="$shim" ATELIER_SHIM="$2:$middle" ATELIER_SHIM_OF="$1" ATELIER_SHIM_HIT="$PWD/hit" \
      "$program" run "$room/p.txt" -o pictures -m "$room/tiny" -w 1 -q >out 2>err || true
    if [ -e hit ]; then low=$middle; else high=$middle; fi
  done
  echo $low
}

# lane NAME: everything of one process; two lanes at a time.
lane() {
  local who=$1 order n total step
  mkdir "$who"
  cd "$who"
  for ((n = 1; ; n++)); do
    disturbed $who site-fail $n || break
  done
  total=$((n - 1))
  [ $total -gt 30 ] || fail "only $total places of the $who"
  for ((n = 1; n <= total; n += 5)); do
    disturbed $who site-out $n || break
  done
  echo "$who: $total places"
  total=$(count $who alloc-fail)
  step=1
  [ $points = all ] || step=$((total / points))
  for order in alloc-fail alloc-out alloc-kill; do
    for ((n = 1 + step / 2; n <= total; n += step)); do
      disturbed $who $order $n || break
    done
    echo "$who, $order: every ${step}th of $total allocations"
  done
}

lane coordinator &
first=$!
lane worker
wait $first
