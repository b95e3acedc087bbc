#!/bin/sh
# Sign the loader after it was linked, with a development key. Without the fota command or the key: says so, and leaves
# no image, so that nobody uses one of before.
#
# Usage: sign.sh FOTA KEY.pem VERSION HARDWARE LOADER.bin LOADER.img
set -eu
rm -f "$6"
if [ ! -x "$1" ] || [ ! -f "$2" ]; then
    echo "loader: not signed: needs $1 and $2 (fota sign --slot loader)"
    exit 0
fi
"$1" sign --slot loader --version "$3" --hw "$4" --counter 1 --key "$2" --out "$6" "$5"
