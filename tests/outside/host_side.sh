#!/bin/bash
# FetchContent, in a project whose targets have the names of our layers; and the host side: a Linux program of the user's own with
# the gateway in it. Both are built from nothing, which takes a minute: so it is one of the long tests.
#
# Usage: host_side.sh      environment: FOTA (the command), CLI_TESTS (tests/cli)
set -e
. "$CLI_TESTS/lib.sh"
. "$(dirname "$0")/lib.sh"
set +e

# Targets of the user's own may have any name but fota and fota_...
own='foreach(name base crypto format journal link slots update agent loader bootloader port_api twin host cli gateway release s3 cpu bearssl)
    add_custom_target(${name})
endforeach()'
make_program
cmake_file 'SOURCES main.c' "$own" 'include(FetchContent)' 'FetchContent_Declare(fota SOURCE_DIR ${FOTA_DIR})' \
    'FetchContent_MakeAvailable(fota)'
run cmake -S project -B build_fetched -G Ninja -DFOTA_DIR="$ROOT" \
    -DCMAKE_TOOLCHAIN_FILE="$ROOT/cmake/toolchain_arm_none_eabi.cmake"
want_code 0
run cmake --build build_fetched -j 2
want_code 0
want [ -s build_fetched/pump-a.bin ]
want [ -s build_fetched/pump-b.bin ]

# The host side too: the gateway in a Linux program of the user's own.
mkdir linux
printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(gateway_box C)' "$own" 'set(FOTA_BUILD_HOST ON)' \
    'add_subdirectory(${FOTA_DIR} fota)' 'add_executable(box main.c)' 'target_link_libraries(box PRIVATE fota::gateway)' >linux/CMakeLists.txt
printf '%s\n' 'int main(void) { return 0; }' >linux/main.c
run cmake -S linux -B build_linux -G Ninja -DFOTA_DIR="$ROOT"
want_code 0
run cmake --build build_linux -j 2 --target box
want_code 0
want [ -x build_linux/box ]
echo "passed: $N_CHECKS checks"
