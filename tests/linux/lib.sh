# A board server and the stand-in for the kernel, for the tests in this folder: sourced after tests/cli/lib.sh.
BOARD_PID=""

GATEWAY_PID=""
finish_linux() {
    [ -n "$GATEWAY_PID" ] && kill -KILL "$GATEWAY_PID" 2>/dev/null && wait "$GATEWAY_PID" 2>/dev/null
    [ -n "$BOARD_PID" ] && kill "$BOARD_PID" 2>/dev/null && wait "$BOARD_PID" 2>/dev/null
    finish
}
trap finish_linux EXIT

export AWS_EC2_METADATA_DISABLED=true HOME="$T"
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

# config FILE TARGET [LINE...]: a configuration for the local S3; lines go to the end of [service].
config() {
    file=$1 target=$2
    shift 2
    {
        printf '[device]\nname = desk\nproduct = demo\nhw = f407-disco\nkeys = %s/build/keys\n' "$ROOT"
        printf '[s3]\nendpoint = %s\nbucket = %s\n' "${AWS_ENDPOINT_URL:-http://127.0.0.1:9}" "${FOTA_BUCKET:-releases}"
        printf '[wires]\ntarget = %s\n' "$target"
        [ "$target" = twin ] && printf '[twin]\nbootloader = %s\nloader = %s\nfactory = 1.0.0-a.img\nflash = board.flash\npace = fast\n' \
            "$FIRMWARE/bootloader/bootloader.elf" "$FIRMWARE/loader/loader.img"
        printf '[service]\nstate = gateway.state\nstage = stage\n'
        printf '%s\n' "$@"
    } >"$file"
}

publish_demo() {
    run "$FOTA" publish --keys "$ROOT/build/keys" --product demo --hw f407-disco "$@"
    want_code 0
}

gateway() { run as_device "$FOTA" gateway "$@"; }
gateway_on_wires() { run as_device env LD_PRELOAD="$STANDIN" "$FOTA" gateway "$@"; }

# in_background VARIABLE=VALUE...: the service itself as GATEWAY_PID, its events in events, its log in log.
in_background() {
    env AWS_ACCESS_KEY_ID=AKIAFOTADEVICE AWS_SECRET_ACCESS_KEY=device-secret "$@" \
        "$FOTA" gateway --config gw.conf --events >"$T/events" 2>>"$T/log" &
    GATEWAY_PID=$!
}

# gateway_says TEXT FILE: until the file has it; a process that ended before is a failure.
gateway_says() {
    for _ in $(seq 1200); do
        grep -qF -- "$1" "$2" && return 0
        kill -0 "$GATEWAY_PID" 2>/dev/null || break
        sleep 0.05
    done
    LAST="wait for '$1' in $2"; CODE=1; cp "$2" "$T/err"; : >"$T/out"
    grep -qF -- "$1" "$2" || fail "it does not say: $1"
}

# start_aws [ARGUMENT...]: the stand-in of what gives credentials on AWS, which gives the device's key; what it gives ends when
# the file end says. AWS is its URL, and the environment names it and no keys.
start_aws() {
    echo $(($(date +%s) + 3600)) >end
    /usr/bin/python3 "$TOP/tests/stand_ins/aws/aws_services.py" --give AKIAFOTADEVICE:device-secret --know AKIABASE:base-secret \
        --end-file end --log aws.log "$@" >aws.out 2>aws.out.err &
    PROXY_PIDS="$PROXY_PIDS $!"
    wait_for 'aws_services ready' aws.out $!
    AWS=$(cut -d' ' -f3 aws.out)
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL AWS_REGION AWS_EC2_METADATA_DISABLED
    export AWS_ENDPOINT_URL_STS=$AWS AWS_ENDPOINT_URL_SSO=$AWS AWS_EC2_METADATA_SERVICE_ENDPOINT=$AWS
}
