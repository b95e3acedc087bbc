#!/bin/sh
# Root and loader of each board of boards/ but the default are built and within their budgets (tools/sizes.py).
#
# Usage: build_boards.sh SOURCE_FOLDER WORK_FOLDER
set -eu
source=$1 work=$2
unset CMAKE_C_COMPILER_LAUNCHER
for file in "$source"/boards/*/board.json; do
    board=$(basename "$(dirname "$file")")
    [ "$board" != f407-disco ] || continue # build/f407
    cmake -S "$source" -B "$work/$board" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$source/cmake/toolchain_arm_none_eabi.cmake" \
        -DCMAKE_BUILD_TYPE=MinSizeRel -DFOTA_BOARD="$board" >/dev/null
    cmake --build "$work/$board" --target fota_bootloader fota_loader
    strings "$work/$board/bootloader/bootloader.bin" | grep -qx "$board" || {
        echo "$board: the root does not have the board's name" >&2
        exit 1
    }
done
