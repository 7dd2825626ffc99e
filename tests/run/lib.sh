# lib.sh - for the scripts here: tests/cli/lib.sh, and what several of them do with runs.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"
workers=2

# write_prompts FILE N: N prompts that paint in about 50 ms each.
write_prompts() {
  local i
  for ((i = 0; i < $2; i++)); do
    echo "--prompt picture number $i, a house --width 64 --height 64 --steps 8"
  done >"$1"
}

# run_prompts FILE DIR WORDS...: `atelier run` with the model here.
run_prompts() {
  "$program" run "$1" -o "$2" -m tiny -w $workers --plain "${@:3}"
}

# start_prompts FILE DIR WORDS...: the same, in the background; its process is $job, its words are in the file `err`.
start_prompts() {
  "$program" run "$1" -o "$2" -m tiny -w $workers --plain "${@:3}" >out 2>err &
  job=$!
}

# use_shim SANITIZERS: the library that makes calls fail is $shim, for LD_PRELOAD, which takes a space for the end of a
# name: it is found by its folder. Left out (77) in a build with sanitizers.
use_shim() {
  shim=librun_shim.so
  if [ -n "$1" ]; then
    echo "sanitizers must come first in a process; left out"
    exit 77
  fi
  [ -e "$build/tests/$shim" ] || fail "$build/tests/$shim is not there"
  export LD_LIBRARY_PATH=$build/tests${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

# digests DIR: "name digest" of each picture, from the ledger's last DONE of each, sorted.
digests() {
  awk -F'\t' '$3 == "DONE" { d[$9] = $7 } END { for (n in d) print n, d[n] }' "$1/ledger.tsv" | LC_ALL=C sort
}

# reconcile DIR JOBS: every job ended exactly once, every picture is whole, nothing is left over, and the timings have
# each picture once.
reconcile() {
  local dir=$1 jobs=$2
  "$program" verify "$dir" --json >verdict 2>verdict.err || fail "$dir: $(cat verdict verdict.err)"
  is "$jobs" $(($(json verdict done) + $(json verdict failed))) "jobs that ended in $dir"
  is 0 "$(json verdict left)" "jobs left in $dir"
  is "$(json verdict done)" "$(find "$dir" -name '*.png' | wc -l)" "pictures in $dir"
  is "$(json verdict done)" "$(wc -l <"$dir/timings.jsonl")" "lines of timings.jsonl in $dir"
  is "$(json verdict done)" $(($(wc -l <"$dir/timings.csv") - 1)) "lines of timings.csv in $dir"
  is "" "$(cut -d, -f1 "$dir/timings.csv" | sort | uniq -d)" "doubled lines of timings.csv in $dir"
  no_files "$dir"/.atelier-*
}

# n_done DIR: how many pictures the ledger has, repeated ones included.
n_done() {
  cat "$1/ledger.tsv" 2>/dev/null | grep -c "	DONE	" || true
}

# wait_for_done DIR N: until the ledger has N pictures, for at most a minute.
wait_for_done() {
  local i
  for ((i = 0; i < 1200; i++)); do
    [ "$(n_done "$1")" -lt "$2" ] || return 0
    sleep 0.05
  done
  fail "$1 did not get $2 pictures within a minute"
}

# wait_for PATTERN FILE: until a line of FILE is like that, for at most a minute.
wait_for() {
  local i
  for ((i = 0; i < 1200; i++)); do
    ! grep -q -- "$1" "$2" 2>/dev/null || return 0
    sleep 0.05
  done
  fail "$2 has no '$1' after a minute: $(tail -n 5 "$2")"
}

# wait_for_still DIR: until no picture was added for two seconds, for at most a minute.
wait_for_still() {
  local i now last=-1 since=$SECONDS
  for ((i = 0; i < 300; i++)); do
    now=$(n_done "$1")
    [ "$now" = "$last" ] || { last=$now since=$SECONDS; }
    [ $((SECONDS - since)) -lt 3 ] || return 0
    sleep 0.2
  done
  fail "$1 still got pictures after a minute"
}

# hold DIR: the run $job is paused before its last jobs, for as long as something is done to what they need.
hold() {
  wait_for "	PLAN	" "$1/ledger.tsv"
  kill -USR1 $job
  wait_for state=paused "$1/ledger.tsv"
}

# gone PID: until that process has ended, for at most ten seconds.
gone() {
  local i
  for ((i = 0; i < 200; i++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.05
  done
  fail "process $1 is still there"
}
