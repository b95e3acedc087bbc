#!/bin/sh
# Post-build step: sign the program of one slot with the fota command.
#
# Usage: sign.sh SLOT VERSION PROGRAM.bin IMAGE.img     SLOT: a or b; VERSION: x.y.z
# Environment: FOTA_KEY the private image key; without it nothing is signed
#              FOTA_COUNTER security counter (1), FOTA_COMMAND the fota command (fota)
set -u
[ $# -eq 4 ] || { echo "sign.sh: wants SLOT VERSION PROGRAM.bin IMAGE.img, got $# arguments" >&2; exit 2; }
rm -f "$4" # an image of an earlier build never stays
program=$3 image=$4
set -- "${FOTA_COMMAND:-fota}" sign --slot "$1" --version "$2" --hw @HW@ --counter "${FOTA_COUNTER:-1}"
if [ -z "${FOTA_KEY:-}" ]; then
    echo "$program is not signed: set FOTA_KEY to your private image key, or run"
    echo "    $* --key KEY.pem --out $image $program"
    exit 0
fi
# The ELF, if it lies beside, tells whether the linker script left room for the image header.
[ ! -e "${program%.bin}.elf" ] || set -- "$@" --elf "${program%.bin}.elf"
exec "$@" --key "$FOTA_KEY" --out "$image" "$program"
