#!/bin/sh
# DRY=1 tools/flash.sh prints what `make flash` does, with the addresses and sectors of the flash map, and does nothing.
# Called without an argument it also shows that it notices faults: copies of the script with one thing wrong each.
#
# Usage: flash_dry_test.sh [SCRIPT]
set -eu
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
cd "$(dirname "$0")/../.."
script=${1:-tools/flash.sh}
out=$(mktemp)
bin=$(mktemp -d)
trap 'rm -rf "$out" "$bin"' EXIT
fail() { echo "FAILED: $1" && cat "$out" && exit 1; }
# A program that is called all the same leaves a mark.
printf '#!/bin/sh\ntouch "%s/called"\n' "$bin" >"$bin/openocd" && chmod +x "$bin/openocd"

DRY=1 PATH="$bin:$PATH" "$script" >"$out" || fail 'exit code'
[ ! -e "$bin/called" ] || fail 'DRY=1 called openocd'
grep -q 'nothing was done' "$out" || fail 'it does not say that nothing was done'
grep -q 'option bytes stay as they are' "$out" || fail 'it does not say what it leaves alone'
header=lib/base/include/base/flash_map.h
map() { sed -n "s/^#define $1 *\(0x[0-9A-Fa-f]*\|[0-9][0-9]*\)$/\1/p" "$header"; }
while read -r file base; do
    for verb in 'flash write_image erase' 'verify_image'; do
        grep -q -- "-c '$verb $file $(map "$base") bin'" "$out" || fail "no '$verb' of $file at $base"
    done
done <<'PARTS'
build/f407/bootloader/bootloader.bin FLASH_BOOT_BASE
build/f407/loader/loader.img FLASH_LOADER_BASE
build/f407/app/demo-1.0.0-a.img FLASH_SLOT_A_BASE
PARTS
for sector in "$(map FLASH_J0_SECTOR)" "$(map FLASH_J1_SECTOR)"; do
    grep -q -- "-c 'flash erase_sector 0 $sector $sector'" "$out" || fail "journal sector $sector is not erased"
done
if grep -qE 'option|lock|unlock' "$out" && grep -E '^ .*-c' "$out" | grep -qE 'option|lock'; then fail 'it touches option bytes'; fi
grep -q -- '-f board/stm32f4discovery.cfg' "$out" || fail 'no configuration of the probe'
OPENOCD_CONFIG=my.cfg DRY=1 PATH="$bin:$PATH" "$script" | grep -q -- '-f my.cfg' || fail 'OPENOCD_CONFIG has no effect'
if [ $# -eq 0 ]; then
    n=0
    while read -r edit; do
        # The copy stands in a folder beside the script's, since the script goes to the folder above its own.
        mkdir -p "$bin/tree/tools" && sed "$edit" "$script" >"$bin/tree/tools/flash.sh" && chmod +x "$bin/tree/tools/flash.sh"
        if cmp -s "$script" "$bin/tree/tools/flash.sh"; then fail "'$edit' changes nothing"; fi
        if "$self" "$bin/tree/tools/flash.sh" >"$bin/said" 2>&1; then fail "not noticed: $edit"; fi
        grep -q '^FAILED: ' "$bin/said" || fail "ended without a reason: $edit"
        n=$((n + 1))
    done <<'EDITS'
s/0x08020000/0x08040000/
s/erase_sector 0 11 11/erase_sector 0 10 10/
s/verify_image $loader/dump_image $loader/
s/\[ "${DRY:-}" = 1 \] || "$@"/"$@"/
EDITS
    [ "$n" -eq 4 ] || fail 'the planted faults were not tried'
fi
echo passed
