#!/bin/bash
# Firmware of each board of boards/ but the default is built and within its budgets (tools/sizes.py), and so is that of a board
# that stands in a folder outside the tree, as a project of one's own would have it: its copy is the only thing that is added.
#
# Usage: build_boards.sh SOURCE_FOLDER WORK_FOLDER FOTA     FOTA: the command, which knows that board too (it signs the loader)
set -eu
source=$1 work=$2
unset CMAKE_C_COMPILER_LAUNCHER
outside=$(mktemp -d "${TMPDIR:-/tmp}/boards.XXXXXX")
trap 'rm -rf "$outside"' EXIT
cp -r "$source/tests/boards/made_up/." "$outside"

build() { # BOARD [-DNAME=VALUE...]
    board=$1 && shift
    cmake -S "$source" -B "$work/$board" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$source/cmake/toolchain_arm_none_eabi.cmake" \
        -DCMAKE_BUILD_TYPE=MinSizeRel -DFOTA_BUILD_TESTS=OFF -DFOTA_BOARD="$board" "$@" >/dev/null
    cmake --build "$work/$board"
    strings "$work/$board/bootloader/bootloader.bin" | grep -qx "$board" || {
        echo "$board: the root does not have the board's name" >&2
        exit 1
    }
}
for file in "$source"/boards/*/board.json; do
    board=$(basename "$(dirname "$file")")
    [ "$board" = f407-disco ] || build "$board" # that is build/f407
done
build made-up -DFOTA_BOARDS_FOLDER="$outside" -DFOTA_COMMAND="$3"
