# Packed weights that are kept on disk: made once, mapped by every worker from then on, made again where they are not what
# they should be; and trouble with them costs them, not the run. The pictures are the same throughout.
. "$(dirname "$0")/lib.sh"
tiny_model tiny
write_prompts p.txt 6

# round NAME WORDS...: a run whose pictures are those of the first.
round() {
  run_prompts p.txt "$@" 2>err || fail "the run into $1: $(cat err)"
  reconcile "$1" 6
  is "$(digests whole)" "$(digests "$1")" "pictures of $1"
}
packs() {
  find packs -name '*.atlpack' | wc -l
}
inode() {
  stat -c %i packs/*.atlpack
}

run_prompts p.txt whole 2>err || fail "the run without"
round made --pack-cache packs
is 1 "$(packs)" "files after the first run"
is 1 "$(find packs -mindepth 1 | wc -l)" "nothing else is left there"
first=$(inode)
round mapped --pack-cache packs
is "$first" "$(inode)" "the file was not written again"
ATELIER_PACK_CACHE=packs round variable
is "$first" "$(inode)" "the variable says the same"

# Another policy has another file; a paint shares the run's.
expect 0 "" paint "a house" -m tiny --steps 2 --seed 1 -o one.png --pack-cache packs --policy bf16
is 2 "$(packs)" "files of two policies"
rm packs/bf16-*
expect 0 "" paint "a house" -m tiny --steps 2 --seed 1 -o two.png --pack-cache packs
is "$first" "$(inode)" "paint uses what the run packed"

# Cut, damaged, or somebody else's: said so, and made again.
truncate -s -100 packs/*.atlpack
round cut --pack-cache packs
grep -q "packed weights: .*it was cut short" err || fail "it does not say that the file was cut: $(cat err)"
round mended --pack-cache packs
! grep -q "packed weights" err || fail "it still complains"
printf 'x' | dd of="$(echo packs/*.atlpack)" bs=1 seek=40 conv=notrunc 2>/dev/null
round damaged --pack-cache packs
grep -q "packed weights: .*is damaged" err || fail "it does not say that the file was damaged: $(cat err)"
echo "not weights" >"$(echo packs/*.atlpack)"
expect 0 "packed weights: .*is too short" paint "a house" -m tiny --steps 2 --seed 1 -o three.png --pack-cache packs

# No directory to be had, and a full disk.
round nowhere --pack-cache p.txt
grep -q "packed weights: " err || fail "it does not say that p.txt is no directory"
mkdir disk
if ! mount -t tmpfs -o size=100k none disk 2>mount.err; then
  echo "no small disk can be mounted here; the rest is left out: $(cat mount.err)"
  exit 0
fi
trap 'umount disk || umount -l disk' EXIT
round full --pack-cache disk
grep -q "packed weights: .*No space left" err || fail "it does not say that the disk is full: $(cat err)"
is 0 "$(find disk -mindepth 1 | wc -l)" "nothing is left on the full disk"
