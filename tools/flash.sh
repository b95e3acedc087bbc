#!/bin/sh
# Put root, loader and demo application onto a board through its debug probe (OpenOCD). Says what it will do.
# It sets no option byte: tools/provision/provision.py does that, for boards that leave the house.
#
# Usage: tools/flash.sh          DRY=1 tools/flash.sh only prints the commands
#   FOTA_BOARD       the board, a folder of boards/ (f407-disco); all addresses come from there
#   FOTA_FIRMWARE    folder with its firmware (build/f407 for f407-disco, else build/NAME)
#   OPENOCD_CONFIG   OpenOCD's file for probe and chip (board/stm32f4discovery.cfg)
set -eu
cd "$(dirname "$0")/.."

say() { printf 'flash: %s\n' "$*"; }
die() { printf 'flash: %s\n' "$*" >&2; exit 1; }

config=${OPENOCD_CONFIG:-board/stm32f4discovery.cfg}
board=${FOTA_BOARD:-f407-disco}
numbers=$(tools/board.py show "$board") || exit 1
eval "$numbers"
if [ "$board" = f407-disco ]; then firmware=build/f407; else firmware=build/$board; fi
firmware=${FOTA_FIRMWARE:-$firmware}
fota=build/host/cli/fota
root=$firmware/bootloader/bootloader.bin
loader=$firmware/loader/loader.img
program=$firmware/app/demo-1.0.0-a.bin
image=$firmware/app/demo-1.0.0-a.img
key=build/keys/image-key.pem
if [ -f "$firmware/loader/loader.hw" ]; then
    built_for=$(cat "$firmware/loader/loader.hw")
    [ "$built_for" = "$board" ] || die "$firmware is built for board $built_for, FOTA_BOARD is $board: name the other with FOTA_BOARD"
fi

# step COMMAND...: print it, and do it unless DRY=1.
step() {
    line=''
    for word in "$@"; do
        case $word in *' '*) line="$line '$word'" ;; *) line="$line $word" ;; esac
    done
    printf ' %s\n' "$line"
    [ "${DRY:-}" = 1 ] || "$@" || die "failed: $*; nothing is locked, run it again"
}

say "board $board, firmware in $firmware"
say "sector $FLASH_BOOT_SECTOR gets the root, sector $FLASH_LOADER_SECTOR the loader, slot A the demo application 1.0.0;" \
    "journal sectors $FLASH_J1_SECTOR and $FLASH_J0_SECTOR are erased"
say "what was in these sectors is lost; option bytes stay as they are"
[ "${DRY:-}" = 1 ] || for file in "$fota" "$root" "$loader" "$program" "$key"; do
    [ -f "$file" ] || die "$file is missing: make fw"
done
[ "${DRY:-}" = 1 ] || command -v openocd >/dev/null || die "openocd is missing: apt-get install openocd"
[ "${DRY:-}" = 1 ] || rm -f "$image"
step "$fota" sign --slot a --version 1.0.0 --hw "$board" --counter 1 --key "$key" --out "$image" "$program"
step openocd -f "$config" -c init -c 'reset halt' \
    -c "flash erase_sector 0 $FLASH_J1_SECTOR $FLASH_J1_SECTOR" -c "flash erase_sector 0 $FLASH_J0_SECTOR $FLASH_J0_SECTOR" \
    -c "flash write_image erase $root $FLASH_BOOT_BASE bin" -c "verify_image $root $FLASH_BOOT_BASE bin" \
    -c "flash write_image erase $loader $FLASH_LOADER_BASE bin" -c "verify_image $loader $FLASH_LOADER_BASE bin" \
    -c "flash write_image erase $image $FLASH_SLOT_A_BASE bin" -c "verify_image $image $FLASH_SLOT_A_BASE bin" \
    -c 'reset run' -c shutdown
[ "${DRY:-}" = 1 ] && say 'DRY=1: nothing was done' || say 'done: the green LED blinks, the console (PA2, 115200 8N1) names the version'
