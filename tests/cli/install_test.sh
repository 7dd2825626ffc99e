# cmake --install puts program, libraries, headers, models and man page in place, and a program can be built with them.
. "$(dirname "$0")/lib.sh"
sanitize=$6
DESTDIR=$room cmake --install "$build" --prefix /usr >log
for file in bin/atelier include/atelier/engine/engine.h include/atelier/engine/probe.h include/atelier/base/status.h \
  include/atelier/image/png_file.h share/man/man1/atelier.1; do
  [ -s "usr/$file" ] || fail "no $file"
done
no_files usr/include/atelier/engine/ops usr/include/atelier/base/options_private.h
pc=$(find usr -name atelier.pc)
[ -n "$pc" ] || fail "no atelier.pc"
find usr -name 'libatelier_engine.a' | grep -q . || fail "no library"

program=$room/usr/bin/atelier
expect 0 "" --version
cat >user.c <<'C'
#include <engine/engine.h>
#include <stdio.h>
int main(void)
{
    puts(atl_engine_version());
    return 0;
}
C
export PKG_CONFIG_PATH=$room/$(dirname "$pc")
eval "flags=($(pkg-config --cflags --libs atelier))" # it puts \ before a space
cc ${sanitize:+-fsanitize=$sanitize} user.c "${flags[@]}" -o user
is "$("$program" --version)" "atelier $(./user)"
