# Shared by the numbered tests: sourced by run.sh before each. FOTA is the command under test, S3_GET reads one object,
# SERVER (swift or s3rver) says which server start_s3 starts.
set -u

T=$(mktemp -d "${TMPDIR:-/tmp}/fota_cli.XXXXXX")
S3_PID=""
PROXY_PIDS=""
SERVER=${SERVER:-swift}
TOP=$CLI_TESTS/../..
N_CHECKS=0

finish() {
    for pid in $S3_PID $PROXY_PIDS; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    rm -rf "$T"
}
trap finish EXIT
cd "$T" || exit 1
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_REGION \
    AWS_DEFAULT_REGION FOTA_BUCKET http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

# run COMMAND...: sets CODE; output in files out and err.
run() {
    CODE=0
    "$@" >"$T/out" 2>"$T/err" || CODE=$?
    LAST="$*"
}

fail() {
    echo "FAILED: $1"
    echo "command: $LAST"
    echo "exit code: $CODE"
    echo "--- stdout"; cat "$T/out"
    echo "--- stderr"; cat "$T/err"
    exit 1
}

want_code() { N_CHECKS=$((N_CHECKS + 1)); [ "$CODE" -eq "$1" ] || fail "want exit code $1"; }
want_out() { N_CHECKS=$((N_CHECKS + 1)); [ "$(cat "$T/out")" = "$1" ] || fail "want exactly this on stdout: $1"; }
want_out_has() { N_CHECKS=$((N_CHECKS + 1)); grep -qF -- "$1" "$T/out" || fail "want on stdout: $1"; }
want_err_has() { N_CHECKS=$((N_CHECKS + 1)); grep -qF -- "$1" "$T/err" || fail "want on stderr: $1"; }
want_no_out() { N_CHECKS=$((N_CHECKS + 1)); [ ! -s "$T/out" ] || fail "want nothing on stdout"; }
want() { N_CHECKS=$((N_CHECKS + 1)); LAST="$*"; CODE=0; "$@" || { CODE=$?; fail "check failed"; }; }

# binary FILE BASE [SEED]: a program of 2,048 bytes as a linker would make it for the slot at BASE.
binary() {
    /usr/bin/python3 - "$1" "$2" "${3:-1}" <<'PY'
import random, struct, sys
path, base, seed = sys.argv[1], int(sys.argv[2], 0), int(sys.argv[3])
body = random.Random(seed).randbytes(2040)
open(path, "wb").write(struct.pack("<II", 0x2001F000, base + 0x200 + 0x101) + body)
PY
}

SLOT_A=0x08020000
SLOT_B=0x08080000
LOADER=0x08004000
SLOT_LOADER=0x08004000

# images PREFIX VERSION COUNTER [SEED]: PREFIX_a.img and PREFIX_b.img, signed with keys/image-key.pem.
images() {
    binary "$1_a.bin" $SLOT_A "${4:-1}"
    binary "$1_b.bin" $SLOT_B "${4:-1}"
    for slot in a b; do
        run "$FOTA" sign --slot $slot --version "$2" --hw f407-disco --counter "$3" --key keys/image-key.pem \
            --out "$1_$slot.img" "$1_$slot.bin"
        want_code 0
    done
}

# loader FILE VERSION COUNTER [SEED [KEY]]: a signed loader for sector 1.
loader() {
    binary loader.bin $SLOT_LOADER "${4:-7}"
    run "$FOTA" sign --slot loader --version "$2" --hw f407-disco --counter "$3" --key "${5:-keys/image-key.pem}" \
        --out "$1" loader.bin
    want_code 0
}

keys() { run "$FOTA" keygen; want_code 0; }

# wait_for TEXT FILE PID: until the file has the text, or the process has ended.
wait_for() {
    for _ in $(seq 600); do
        grep -q "$1" "$2" && return
        kill -0 "$3" 2>/dev/null || break
        sleep 0.05
    done
    LAST="wait for '$1'"; CODE=0; cp "$2" "$T/out"; cp "$2.err" "$T/err"
    grep -q "$1" "$2" || fail "the server did not start"
}

# start_s3 [ARGUMENT...]: a local S3 on a free port; sets the environment of a publisher.
start_s3() {
    if [ "$SERVER" = s3rver ]; then
        start_s3rver
        [ "${S3RVER_IS_BARE:-}" ] || start_proxy --conditions
        return
    fi
    "$FOTA" s3 --dir "$T/s3" --port 0 "$@" >"$T/s3.env" 2>"$T/s3.env.err" &
    S3_PID=$!
    wait_for AWS_ACCESS_KEY_ID "$T/s3.env" "$S3_PID"
    . "$T/s3.env"
}

# start_s3rver [ARGUMENT...]: the second server, which ignores conditions on writes and knows one key pair only.
start_s3rver() {
    [ -d "$TOP/node_modules/@20minutes/s3rver" ] || { echo "skipped: @20minutes/s3rver is missing; make setup fetches it"; exit 77; }
    (cd "$TOP" && exec node -e "require('@20minutes/s3rver/lib/cli').parseAsync(process.argv)" x -d "$T/s3" -a 127.0.0.1 -p 0 \
        --no-vhost-buckets --configure-bucket fota-releases "$@") >"$T/s3rver.out" 2>"$T/s3rver.out.err" &
    S3_PID=$!
    wait_for 'S3rver listening' "$T/s3rver.out" "$S3_PID"
    export AWS_ENDPOINT_URL="http://127.0.0.1:$(sed -n 's/^S3rver listening.*://p' "$T/s3rver.out")" AWS_REGION=us-east-1 \
        FOTA_BUCKET=fota-releases AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER
}

# start_proxy [ARGUMENT...]: a fault proxy before what AWS_ENDPOINT_URL names, which then names the proxy.
start_proxy() {
    local out=$T/proxy$(echo "$PROXY_PIDS" | wc -w)
    /usr/bin/python3 "$TOP/tests/fault_proxy/fault_proxy.py" --upstream "$AWS_ENDPOINT_URL" "$@" >"$out" 2>"$out.err" &
    PROXY_PIDS="$PROXY_PIDS $!"
    wait_for 'fault_proxy ready' "$out" $!
    export AWS_ENDPOINT_URL=$(cut -d' ' -f3 "$out")
}

# With the key of a device, which may only read. The second server has no rights for each key.
as_device() {
    if [ "$SERVER" = s3rver ]; then
        "$@"
    else
        AWS_ACCESS_KEY_ID=AKIAFOTADEVICE AWS_SECRET_ACCESS_KEY=device-secret "$@"
    fi
}

publish() { run "$FOTA" publish --product demo --hw f407-disco "$@"; }

# What is stored in all buckets, one line for each object; equal texts mean that nothing changed.
bucket_state() {
    if [ "$SERVER" = s3rver ]; then
        find "$T/s3" -name '*._S3rver_object' -exec sha256sum {} + | sort
    else
        find "$T/s3/data" -path '*objects*' -name '*.data' -exec sha256sum {} + | sort
    fi
}

CHANNEL=v1/channels/demo/f407-disco/stable.fc
