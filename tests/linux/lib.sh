# A board server and the stand-in for the kernel, for the tests in this folder: sourced after tests/cli/lib.sh.
BOARD_PID=""

finish_linux() {
    [ -n "$BOARD_PID" ] && kill "$BOARD_PID" 2>/dev/null && wait "$BOARD_PID" 2>/dev/null
    finish
}
trap finish_linux EXIT

ROOT=$CLI_TESTS/../..
FIRMWARE=$ROOT/build/f407
[ -f "$FIRMWARE/bootloader/bootloader.elf" ] && [ -f "$FIRMWARE/app/demo-3.0.0-b.bin" ] || {
    echo "skipped: no firmware in build/f407; make fw builds it"
    exit 77
}

# demo_images VERSION...: VERSION-a.img and VERSION-b.img of the demo application, signed as the board wants it.
demo_images() {
    for version in "$@"; do
        for slot in a b; do
            run "$FOTA" sign --slot $slot --version "$version" --hw f407-disco --counter 1 \
                --key "$ROOT/build/keys/image-key.pem" --out "$version-$slot.img" "$FIRMWARE/app/demo-$version-$slot.bin"
            want_code 0
        done
    done
}

# start_board [--blank]: a new board that runs 1.0.0; FOTA_BOARD is its socket.
start_board() {
    [ -n "$BOARD_PID" ] && kill "$BOARD_PID" 2>/dev/null && wait "$BOARD_PID" 2>/dev/null
    "$BOARD_SERVER" "$T/board" "$FIRMWARE/bootloader/bootloader.elf" "$FIRMWARE/loader/loader.img" 1.0.0-a.img "$@" \
        >"$T/board.out" 2>&1 &
    BOARD_PID=$!
    for _ in $(seq 600); do
        grep -q ready "$T/board.out" && break
        kill -0 "$BOARD_PID" 2>/dev/null || break
        sleep 0.1
    done
    LAST="board_server"; CODE=0; cp "$T/board.out" "$T/out"; : >"$T/err"
    grep -q ready "$T/board.out" || fail "the board did not start"
    export FOTA_BOARD="$T/board" FOTA_STANDIN_LOG="$T/standin.log"
}

# on_wires COMMAND...: the command with the stand-in in front of the kernel.
on_wires() { LD_PRELOAD="$STANDIN" "$@"; }
