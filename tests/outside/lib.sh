# Shared by the tests of this folder, after tests/cli/lib.sh, which gives them a fresh folder outside the tree.
ROOT=$(cd "$CLI_TESTS/../.." && pwd)
FIRMWARE=$ROOT/build/f407

need_firmware() {
    [ -f "$FIRMWARE/bootloader/bootloader.elf" ] && [ -f "$FIRMWARE/loader/loader.img" ] && return
    echo "skipped: no firmware in build/f407; make fw builds it"
    exit 77
}

# make_program: ./project/main.c is the program in the first comment of agent.h, indented by four there; the text around it is not.
make_program() {
    mkdir project
    sed -n '/^ \* What the application does/,/^ \* What keeps running/s/^ \*     //p' "$ROOT/agent/include/agent/agent.h" >project/main.c
    want grep -q agent_poll project/main.c
    printf '%s\n' 'static int unused; /* a warning that is the user'\''s own affair */' >>project/main.c
}

# cmake_file WORDS LINE...: ./project/CMakeLists.txt with these lines, and an application with these words.
cmake_file() {
    printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(pump C)' "${@:2}" \
        "fota_add_application(pump VERSION 1.4.0 $1)" >project/CMakeLists.txt
}

# build_outside [-DNAME=VALUE...]: configure ./project into ./build and build it.
build_outside() {
    run cmake -S project -B build -G Ninja -DCMAKE_TOOLCHAIN_FILE="$ROOT/cmake/toolchain_arm_none_eabi.cmake" \
        -DCMAKE_BUILD_TYPE=MinSizeRel -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DFOTA_DIR="$ROOT" -DFOTA_COMMAND="$FOTA" "$@"
    want_code 0
    run cmake --build build -j 2
    want_code 0
}

# want_user_flags_only FOLDER: no option of this project's own stands on the command lines of the sources in ./FOLDER.
want_user_flags_only() {
    want python3 - "$1" <<'PY'
import json, sys
mine = [c for c in json.load(open("build/compile_commands.json")) if "/" + sys.argv[1] in c["file"]]
ours = ("-W", "-ffunction-sections", "-fdata-sections", "-std=", "-flto", "-Os -Os")
bad = [f"{c['file']}: {o}" for c in mine for o in ours if " " + o in c["command"]]
sys.exit("\n".join(bad) if bad else 0 if mine else f"no source below {sys.argv[1]} was compiled")
PY
}

# want_update_on_twin NAME: 1.0.0-{a,b}.img and 2.0.0-{a,b}.img of this folder: the first is the factory's image of a twin, the second
# is published and must confirm itself in slot B. Signed with build/keys.
want_update_on_twin() {
    start_s3
    run "$FOTA" publish --keys "$ROOT/build/keys" --product "$1" --hw f407-disco 2.0.0-a.img 2.0.0-b.img
    want_code 0
    run as_device "$FOTA" run --keys "$ROOT/build/keys" --product "$1" --hw f407-disco --interval 1 --state gateway.state \
        --flash flash.bin --bootloader "$FIRMWARE/bootloader/bootloader.elf" --loader "$FIRMWARE/loader/loader.img" \
        --factory 1.0.0-a.img --until-confirmed
    want_code 0
    want_out "confirmed"
    want_err_has "2.0.0 confirmed in slot B"
}
