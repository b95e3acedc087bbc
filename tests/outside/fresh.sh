#!/bin/bash
# A fresh project: the CMake file of docs/guide/add-to-your-project.md, which takes this tree from outside with
# add_subdirectory, and the program at the top of agent.h as its only source. Both slots' images exist; with a key they are
# signed, without one the build says how to. What is wrong in the CMake file is said in words.
#
# Usage: fresh.sh      environment: FOTA (the command), CLI_TESTS (tests/cli)
set -e
. "$CLI_TESTS/lib.sh"
. "$(dirname "$0")/lib.sh"
set +e

make_program

# The guide's own CMake file first.
sed -n '/^```cmake/,/^```$/p' "$ROOT/docs/guide/add-to-your-project.md" | grep -v '^```' >project/CMakeLists.txt
want grep -q add_subdirectory project/CMakeLists.txt
build_outside
want_out_has "pump-a.bin is not signed: set FOTA_SIGN_KEY"
want_out_has "fota sign --slot b --version 1.4.0"
want [ -s build/pump-a.bin ]
want [ -s build/pump-b.bin ]
want [ ! -e build/pump-a.img ]
want_user_flags_only project/
# Without our host side, without our demo, without the root: only what the application links.
want [ ! -e build/fota/app/demo-1.0.0-a.elf ]
want [ ! -e build/fota/bootloader/bootloader.elf ]

# A key that is given signs; a command that is missing is named. Then the root, on demand, in a project without build type.
"$FOTA" keygen --dir keys >/dev/null
build_outside -DFOTA_SIGN_KEY="$PWD/keys/image-key.pem" -DFOTA_KEYS_DIR="$PWD/keys" -DCMAKE_BUILD_TYPE=
for slot in a b; do
    run "$FOTA" inspect --keys keys build/pump-$slot.img
    want_code 0
done
run cmake --build build -j 2 --target fota_bootloader fota_loader
want_code 0
want [ -s build/fota/bootloader/bootloader.bin ]
want [ -s build/fota/loader/loader.img ]
run cmake -S project -B build -DFOTA_COMMAND="$PWD/nowhere/fota"
want_code 0
touch project/main.c
run cmake --build build -j 2
want_code 0
want_out_has "there is no fota command at $PWD/nowhere/fota"
want [ ! -e build/pump-a.img ]

# Mistakes in the CMake file.
for mistake in 'main.c:none of its words' 'SOURCES:SOURCES is empty'; do
    cmake_file "${mistake%%:*}" 'add_subdirectory(${FOTA_DIR} fota)'
    run cmake -S project -B build
    want_code 1
    want_err_has "${mistake#*:}"
done
run cmake -S project -B build_st -G Ninja -DFOTA_DIR="$ROOT" -DFOTA_ST_DRIVERS="$PWD/nowhere" \
    -DCMAKE_TOOLCHAIN_FILE="$ROOT/cmake/toolchain_arm_none_eabi.cmake"
want_code 1
want_err_has "FOTA_ST_DRIVERS"
echo "passed: $N_CHECKS checks"
