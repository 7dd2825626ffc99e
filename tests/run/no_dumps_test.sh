# Fault 26: no core files of prompts and weights. The limit is in force in the coordinator and its workers while they
# paint, and what the workers map of the weights is left out of dumps, however they came by it.
. "$(dirname "$0")/lib.sh"
[ "$(ulimit -H -c)" = unlimited ] || { echo "core files are forbidden here already"; exit 77; }
ulimit -S -c unlimited
tiny_model tiny
for i in 1 2 3 4; do # more than one worker holds
  echo "--prompt slow --steps 1000 --width 128 --height 128 --seed $i"
done >p.txt

# look WORDS...: begins a run that takes long, looks at its processes, ends it.
look() {
  local pid pids
  rm -rf pictures
  "$program" run p.txt -o pictures -m tiny -w 2 --plain "$@" >out 2>err &
  job=$!
  wait_for '	START	.*	0$' pictures/ledger.tsv # both have their weights
  wait_for '	START	.*	1$' pictures/ledger.tsv
  pids=$(cat /proc/$job/task/*/children)
  is 2 "$(wc -w <<<"$pids")" "workers"
  for pid in $job $pids; do
    is "0 0" "$(awk '/^Max core file size/ { print $5, $6 }' /proc/$pid/limits)" "core limits of $(tr '\0' ' ' </proc/$pid/cmdline)"
  done
  for pid in $pids; do
    # what is mapped of 16 MB or more, and is a file that is no library or was written, is weights
    awk '/^[0-9a-f]+-[0-9a-f]+ / { name = $6; mode = $2 } /^Size:/ { size = $2 } /^Rss:/ { rss = $2 }
      /^VmFlags:/ && (rss >= 16384 || (size >= 16384 && name != "" && name !~ /\.so/)) {
        n++
        if ($0 !~ / dd( |$)/) { bare++; print "dumped:", name, mode, rss, "kB" } }
      END { if (n == 0) print "no weights were found"; exit n == 0 || bare > 0 }' /proc/$pid/smaps >found ||
      fail "$(cat found), in a run with '$*'"
  done
  kill -9 $job
  wait $job 2>/dev/null || true
}
look
