# The man page is formatted without a warning. Left out (77) where there is no groff.
. "$(dirname "$0")/lib.sh"
command -v groff >/dev/null || { echo "there is no groff here"; exit 77; }
groff -man -Tutf8 -ww "$source/docs/atelier.1" >formatted 2>warnings || fail "groff fails"
[ ! -s warnings ] || fail "groff warns: $(head -n 1 warnings)"
[ "$(wc -l <formatted)" -gt 300 ] || fail "the page has only $(wc -l <formatted) lines"
