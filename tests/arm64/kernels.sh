#!/bin/sh
# kernels.sh SOURCE SCRATCH - the checks of all kernels, and of packing, on an emulated arm64: once on a processor
# without bf16, once on one with all there is. Needs a cross compiler, arm64's C library and qemu-user; exits with
# 77, which ctest shows as skipped, where they are not installed.
set -eu
source=$1
scratch=$2
cc=${ATELIER_ARM64_CC:-aarch64-linux-gnu-gcc}
qemu=${ATELIER_QEMU:-qemu-aarch64}
for tool in "$cc" "$qemu"; do
  command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
mkdir -p "$scratch"
cd "$scratch"
flags="-std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
  -fno-math-errno -ffp-contract=off -ffunction-sections -fdata-sections"
echo 'int main(void) { return 0; }' >empty.c
"$cc" -static empty.c -o empty 2>/dev/null || { echo "skipped: $cc has no C library to link"; exit 77; }

mkdir -p rooms/base rooms/engine
ln -sfn "$source" source # a name without spaces
source=source
ln -sfn ../../source/base rooms/base/base
ln -sfn ../../source/engine rooms/engine/engine
include="-I $source/tests/arm64 -I $source/engine -I $source/tests -I rooms/base -I rooms/engine"
objects=
for file in "$source"/engine/kernels/*.c "$source"/engine/ops/panels.c "$source"/engine/ops/types.c \
  "$source"/engine/ops/elementwise.c "$source"/engine/ops/map.c "$source"/base/status.c; do
  name=$(basename "$file" .c).o
  isa=
  case $name in neon_bf16.o|neon_attention.o) isa=-march=armv8.2-a+bf16 ;; esac
  [ "$name" = neon_dot.o ] && isa=-march=armv8.2-a+dotprod
  # shellcheck disable=SC2086
  "$cc" $flags $isa $include -c "$file" -o "$name"
  objects="$objects $name"
done
for test in kernels/kernels ops/panels; do
  program=$(basename "$test")_test
  # shellcheck disable=SC2086
  "$cc" $flags $include -static -Wl,--gc-sections "$source/tests/unit/engine/${test}_test.c" $objects -lm -o "$program"
  for cpu in cortex-a57 max; do
    echo "== $program on $cpu"
    "$qemu" -cpu "$cpu" "./$program"
  done
done
