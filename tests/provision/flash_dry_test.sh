#!/bin/sh
# DRY=1 tools/flash.sh prints what `make flash` does, in an order that never leaves a half-written file verified, and does nothing.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp)
bin=$(mktemp -d)
trap 'rm -rf "$out" "$bin"' EXIT
fail() { echo "FAILED: $1" && cat "$out" && exit 1; }
# A program that is called all the same leaves a mark.
printf '#!/bin/sh\ntouch "%s/called"\n' "$bin" >"$bin/openocd" && chmod +x "$bin/openocd"

DRY=1 PATH="$bin:$PATH" tools/flash.sh >"$out" || fail 'exit code'
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
OPENOCD_CONFIG=my.cfg DRY=1 PATH="$bin:$PATH" tools/flash.sh | grep -q -- '-f my.cfg' || fail 'OPENOCD_CONFIG has no effect'
echo passed
