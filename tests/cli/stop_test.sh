# Ctrl-C: stops at the next step, says so, leaves no file, and the exit code is the signal's.
. "$(dirname "$0")/lib.sh"
tiny_model tiny

for signal in INT TERM; do
  mkfifo words
  # A script's background jobs ignore SIGINT; env gives it back.
  env --default-signal=INT "$program" paint x -m tiny --steps 1000 --width 128 --height 128 -o x.png >out 2>words &
  job=$!
  exec 3<words
  rm words
  while IFS= read -r -t 60 line <&3; do # the first step is done: now it paints
    case $line in step*) break ;; esac
  done
  kill -$signal $job
  cat <&3 >err
  exec 3<&-
  code=0
  wait $job || code=$?
  is $((128 + $(kill -l $signal))) $code "after SIG$signal"
  grep -q "stopped before step" err || fail "it does not say that it stopped"
  no_files x.png ./*.tmp
done
