#!/bin/sh
# compile.sh SOURCE SCRATCH - every file of base/, image/ and engine/ through arm64's compiler, with all warnings: code
# that takes an x86 for granted does not come in. Libraries' headers are the host's, which are the same; exits with
# 77, which ctest shows as skipped, where there is no cross compiler.
set -eu
source=$1
scratch=$2
cc=${ATELIER_ARM64_CC:-aarch64-linux-gnu-gcc}
command -v "$cc" >/dev/null || { echo "skipped: there is no $cc"; exit 77; }
mkdir -p "$scratch/rooms"
cd "$scratch"
echo '#include <stdio.h>' >empty.c
"$cc" -fsyntax-only empty.c 2>/dev/null || { echo "skipped: $cc has no C library"; exit 77; }
for room in base image engine; do
  mkdir -p rooms/$room
  ln -sfn "$source/$room" rooms/$room/$room
done
host=/usr/include/$(cc -print-multiarch 2>/dev/null || true)
blas=$(pkg-config --cflags-only-I openblas | sed 's/-I/-idirafter /g')
flags="-std=c17 -D_GNU_SOURCE -DATELIER_VERSION=\"arm64\" -DUTF8PROC_EXPORTS -O1 -fsyntax-only -Wall -Wextra -Wconversion
  -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror -fno-math-errno -ffp-contract=off"
n=0
for room in base image engine; do
  for file in "$source/$room"/*.c "$source/$room"/*/*.c; do
    [ -f "$file" ] || continue
    isa=
    case $(basename "$file") in neon_bf16.c|neon_attention.c) isa=-march=armv8.2-a+bf16 ;; esac
    [ "$(basename "$file")" = neon_dot.c ] && isa=-march=armv8.2-a+dotprod
    # shellcheck disable=SC2086
    "$cc" $flags $isa -I "$source/$room" -I rooms/base -I rooms/image -I rooms/engine \
      -idirafter /usr/include -idirafter "$host" $blas "$file"
    n=$((n + 1))
  done
done
echo "$n files"
