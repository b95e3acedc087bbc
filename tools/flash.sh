#!/bin/sh
# Put root, loader and demo application onto a Discovery board through its debug probe (OpenOCD). Says what it will do.
# It sets no option byte: tools/provision/provision.py does that, for boards that leave the house.
#
# Usage: tools/flash.sh          DRY=1 tools/flash.sh only prints the commands
#   OPENOCD_CONFIG   OpenOCD's file for probe and chip (board/stm32f4discovery.cfg)
set -eu
cd "$(dirname "$0")/.."
config=${OPENOCD_CONFIG:-board/stm32f4discovery.cfg}
fota=build/host/cli/fota
root=build/f407/bootloader/bootloader.bin
loader=build/f407/loader/loader.img
program=build/f407/app/demo-1.0.0-a.bin
image=build/f407/app/demo-1.0.0-a.img
key=build/keys/image-key.pem

say() { printf 'flash: %s\n' "$*"; }
die() { printf 'flash: %s\n' "$*" >&2; exit 1; }

# step COMMAND...: print it, and do it unless DRY=1.
step() {
    line=''
    for word in "$@"; do
        case $word in *' '*) line="$line '$word'" ;; *) line="$line $word" ;; esac
    done
    printf ' %s\n' "$line"
    [ "${DRY:-}" = 1 ] || "$@" || die "failed: $*; nothing is locked, run it again"
}

say "sector 0 gets the root, sector 1 the loader, slot A the demo application 1.0.0; journal sectors 3 and 11 are erased"
say "what was in these sectors is lost; option bytes stay as they are"
[ "${DRY:-}" = 1 ] || for file in "$fota" "$root" "$loader" "$program" "$key"; do
    [ -f "$file" ] || die "$file is missing: make fw"
done
[ "${DRY:-}" = 1 ] || command -v openocd >/dev/null || die "openocd is missing: apt-get install openocd"
[ "${DRY:-}" = 1 ] || rm -f "$image"
step "$fota" sign --slot a --version 1.0.0 --hw f407-disco --counter 1 --key "$key" --out "$image" "$program"
step openocd -f "$config" -c init -c 'reset halt' \
    -c 'flash erase_sector 0 3 3' -c 'flash erase_sector 0 11 11' \
    -c "flash write_image erase $root 0x08000000 bin" -c "verify_image $root 0x08000000 bin" \
    -c "flash write_image erase $loader 0x08004000 bin" -c "verify_image $loader 0x08004000 bin" \
    -c "flash write_image erase $image 0x08020000 bin" -c "verify_image $image 0x08020000 bin" \
    -c 'reset run' -c shutdown
[ "${DRY:-}" = 1 ] && say 'DRY=1: nothing was done' || say 'done: the green LED blinks, the console (PA2, 115200 8N1) names the version'
