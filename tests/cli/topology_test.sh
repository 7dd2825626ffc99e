# Core clusters and plans, of machines that are made up and of this one.
. "$(dirname "$0")/lib.sh"
machine="pack:2 [numa] l3:2 core:4 pu:2"

expect 0 "" topology --synthetic "$machine" --workers 6
grep -q '^16 cores, 32 hardware threads · 2 packages · 2 NUMA nodes · 4 clusters$' out || fail "no machine"
grep -q '^│ \[ 0 w0\] \[ 2 w4\] \[ 4 · \] \[ 6 · \]$' out || fail "no first cluster: $(cat out)"
grep -q '^  w1   CPU 16, cluster 2$' out || fail "no second worker"

# The plan for N is the beginning of the plan for N + 1.
for n in 1 2 3 4 5 6 7 8 9; do
  expect 0 "" topology --synthetic "$machine" --workers $n --threads 3 --order compact --json
  is $n "$(json out plan slots '#')" "slots"
  [ $n = 1 ] || for ((w = 0; w < n - 1; w++)); do
    is "$(json before plan slots $w cpus 2)" "$(json out plan slots $w cpus 2)" "worker $w of $n"
  done
  cp out before
done
is 4 "$(json out plan n_max)" "n_max"
is true "$(json out plan slots 4 oversubscribed)" "the fifth worker"

expect 0 "" topology --synthetic "$machine" --json
is 16 "$(json out plan workers)" "auto"
expect 0 "" topology --synthetic "$machine" --cpus 0-3,17 --json
is 3 "$(json out plan workers)" "auto on part of it"
is 0-3,17 "$(json out machine usable_cpus)" "usable"

# This machine, as wide as this process may run.
expect 0 "" topology --json
is true "$(json out machine this_machine)" "this machine"
is "$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)" "$(json out machine hardware_threads)" "hardware threads"
if command -v taskset >/dev/null; then
  cpu=$(taskset -cp $$ | sed 's/.*[ ,-]//')
  taskset -c "$cpu" "$program" topology --json >out
  is "$cpu" "$(json out machine usable_cpus)" "usable under taskset"
  is 1 "$(json out plan workers)" "workers under taskset"
fi

# A core for the coordinator.
expect 0 "" topology --synthetic "$machine" --reserve-core --json
is 15 "$(json out plan workers)" "workers beside a reserved core"
is 30 "$(json out plan coordinator_cpu)" "the reserved core"
is true "$(json out plan coordinator_reserved)" "reserved"
expect 0 "" topology --synthetic "$machine" --reserve-core --workers 2
grep -q '^The core of CPU 30 is kept for the coordinator.$' out || fail "the drawing does not say that a core is kept"
expect 2 "found 1 usable, wanted 2 or more" topology --synthetic pu:1 --reserve-core

# Memory counts where a model is named: fewer workers of a model than the machine has cores.
expect 1 "No such file" topology --model none
tiny_model tiny
expect 0 "" topology --model tiny --json
is true "$([ "$(json out plan workers)" -le "$(json out plan n_max)" ] && echo true)" "workers of a small model"

# Drawings.
expect 0 "" topology --synthetic "$machine" --svg machine.svg
grep -q '^</svg>$' machine.svg || fail "no SVG"
expect 0 "" topology --synthetic "$machine" --svg -
cmp -s out machine.svg || fail "not the same SVG on standard output"

# Mistakes.
expect 2 "workers: found 'many', wanted auto or a whole number" topology --workers many
expect 2 "workers: found '0', wanted auto" topology --workers 0
expect 2 "workers: found '20000'" topology --workers 20000
expect 2 "threads: found '0'" topology --threads 0
expect 2 "wanted one of scatter|compact" topology --order random
expect 2 "CPU list: found '3-1'" topology --cpus 3-1
expect 2 "CPU 99 is not there; the last one is 31" topology --synthetic "$machine" --cpus 99
expect 2 "synthetic machine: found 'house:3'" topology --synthetic house:3
expect 2 "wanted one machine" topology --synthetic pu:2 --xml x.xml
expect 1 "none.xml: No such file" topology --xml none.xml
expect 2 "word too many" topology house
expect 1 "" topology --svg none/x.svg
no_files none
