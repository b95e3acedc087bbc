#!/bin/sh
# DRY=1 tools/flash.sh prints what `make flash` does, with the addresses and sectors of the board, and does nothing.
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

# The numbers are written down here a second time, so that a wrong board or a wrong use of it is noticed.
look() { # BOARD FIRMWARE ROOT LOADER SLOT_A JOURNAL_1 JOURNAL_0
    board=$1 firmware=$2
    FOTA_BOARD=$board DRY=1 PATH="$bin:$PATH" "$script" >"$out" || fail "$board: exit code"
    [ ! -e "$bin/called" ] || fail 'DRY=1 called openocd'
    grep -q 'nothing was done' "$out" || fail 'it does not say that nothing was done'
    grep -q 'option bytes stay as they are' "$out" || fail 'it does not say what it leaves alone'
    grep -q -- "--hw $board " "$out" || fail "$board: the image is signed for another board"
    for part in "bootloader/bootloader.bin $3" "loader/loader.img $4" "app/demo-1.0.0-a.img $5"; do
        for verb in 'flash write_image erase' 'verify_image'; do
            grep -q -- "-c '$verb $firmware/$part bin'" "$out" || fail "$board: no '$verb' of $part"
        done
    done
    for sector in "$6" "$7"; do
        grep -q -- "-c 'flash erase_sector 0 $sector $sector'" "$out" || fail "$board: journal sector $sector is not erased"
    done
}
look f407ve build/f407ve 0x08000000 0x08004000 0x08020000 3 2
look f407-disco build/f407 0x08000000 0x08004000 0x08020000 3 11
if grep -qE 'option|lock|unlock' "$out" && grep -E '^ .*-c' "$out" | grep -qE 'option|lock'; then fail 'it touches option bytes'; fi
grep -q -- '-f board/stm32f4discovery.cfg' "$out" || fail 'no configuration of the probe'
OPENOCD_CONFIG=my.cfg DRY=1 PATH="$bin:$PATH" "$script" | grep -q -- '-f my.cfg' || fail 'OPENOCD_CONFIG has no effect'
if FOTA_BOARD=f499 DRY=1 "$script" >"$bin/said" 2>&1; then fail 'an unknown board is no error'; fi
grep -q '^board f499: .*boards are f405rg, f407-disco, f407ve' "$bin/said" || fail 'the unknown board is not named'
mkdir -p "$bin/loader" && echo f405rg >"$bin/loader/loader.hw"
if FOTA_FIRMWARE=$bin DRY=1 "$script" >"$bin/said" 2>&1; then fail 'firmware of another board is no error'; fi
grep -q 'is built for board f405rg, FOTA_BOARD is f407-disco' "$bin/said" || fail 'the two boards are not named'
if [ $# -eq 0 ]; then
    n=0
    while read -r edit; do
        # The copy stands in a folder beside the script's, since the script goes to the folder above its own.
        mkdir -p "$bin/tree/tools" && cp tools/board.py "$bin/tree/tools/" && cp -r boards "$bin/tree/"
        sed "$edit" "$script" >"$bin/tree/tools/flash.sh" && chmod +x "$bin/tree/tools/flash.sh"
        if cmp -s "$script" "$bin/tree/tools/flash.sh"; then fail "'$edit' changes nothing"; fi
        if "$self" "$bin/tree/tools/flash.sh" >"$bin/said" 2>&1; then fail "not noticed: $edit"; fi
        grep -q '^FAILED: ' "$bin/said" || fail "ended without a reason: $edit"
        n=$((n + 1))
    done <<'EDITS'
s/$FLASH_SLOT_A_BASE/$FLASH_SLOT_B_BASE/g
s/erase_sector 0 $FLASH_J0_SECTOR $FLASH_J0_SECTOR/erase_sector 0 10 10/
s/--hw "$board"/--hw f407-disco/
s/verify_image $loader/dump_image $loader/
s/\[ "${DRY:-}" = 1 \] || "$@"/"$@"/
EDITS
    [ "$n" -eq 5 ] || fail 'the planted faults were not tried'
fi
echo passed
