# docs/examples builds against the installed library, by pkg-config and by CMake, and paints with a pool of workers.
. "$(dirname "$0")/lib.sh"
sanitize=$6
DESTDIR=$room cmake --install "$build" --prefix /usr >log
export PKG_CONFIG_PATH=$room/$(dirname "$(find usr -name atelier.pc)")
eval "flags=($(pkg-config --cflags --libs atelier))" # it puts \ before a space
cc ${sanitize:+-fsanitize=$sanitize} "$source/docs/examples/paint_many.c" "${flags[@]}" -o by_pkg_config
cmake -S "$source/docs/examples" -B by_cmake -DCMAKE_PREFIX_PATH="$room/usr" \
  ${sanitize:+-DCMAKE_C_FLAGS=-fsanitize=$sanitize} >log 2>&1 || fail "no CMake package"
cmake --build by_cmake >log 2>&1 || fail "the example does not build with CMake"

tiny_model model
export PATH=$room/usr/bin:$PATH
for example in "$room/by_pkg_config" "$room/by_cmake/paint_many"; do
  mkdir pictures && (cd pictures && "$example" ../model "a red house" "a boat" >../printed) || fail "$example failed"
  is 2 "$(wc -l <printed)"
  cmp -s pictures/0.png pictures/1.png && fail "two prompts gave one picture"
  rm -r pictures
done
