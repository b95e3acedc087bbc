#!/bin/bash
# tools/provision on the twin: a blank board becomes a provisioned one that boots; nothing is locked that was not verified; a run
# that is cut anywhere and repeated ends provisioned. The script is the one that OpenOCD runs (openocd_double.c).
# Usage: provision_test.sh OPENOCD_DOUBLE FOTA [quick]     quick: a few cuts, for `make test`
set -u
DOUBLE=$1 FOTA=$2 QUICK=${3:-}
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$HERE/../..
FIRMWARE=$ROOT/build/f407
[ -f "$FIRMWARE/bootloader/bootloader.bin" ] && [ -f "$FIRMWARE/app/demo-1.0.0-a.bin" ] || {
    echo "skipped: no firmware in build/f407; make fw builds it"
    exit 77
}
command -v jimsh >/dev/null || { echo "FAILED: jimsh is missing; make setup installs it" && exit 1; }
T=$(mktemp -d "${TMPDIR:-/tmp}/provision.XXXXXX")
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 1
export BOARD_TCL=$HERE/board.tcl BOARD=$T/board
FACTORY=0x0FFFAAEC SHUT=0x0FFCAAE0 SHUT_LEVEL_1=0x0FFC55E0 SHUT_LEVEL_2=0x0FFCCCE0

fail() { echo "FAILED: $1 (exit code $CODE)" && cat "$T/out" && exit 1; }
provision() { # ARGUMENT...: exit code in CODE, all output in the file out
    CODE=0
    "$ROOT/tools/provision/provision.py" --fota "$FOTA" --openocd "$DOUBLE" --image "${IMAGE:-$T/a.img}" --job "$T/job" "$@" \
        >"$T/out" 2>&1 || CODE=$?
}
want_code() { [ "$CODE" -eq "$1" ] || fail "want exit code $1"; }
want_has() { grep -qF -- "$1" "$T/out" || fail "want: $1"; }
want_options() { [ "$(cat "$BOARD.options")" = "$1" ] || fail "option bytes are $(cat "$BOARD.options"), want $1"; }
want_epoch() { # N bytes of the one-time block are not FF
    n=$(od -An -v -tx1 -w1 "$BOARD.otp" | grep -cv ff)
    [ "$n" -eq "$1" ] || fail "epoch is $n, want $1"
}
want_otp() { # the first eight bytes of the one-time block
    found=$(od -An -v -tx1 -N8 "$BOARD.otp")
    [ "${found# }" = "$1" ] || fail "one-time memory holds$found, want $1"
}
otp() { # BYTE...: one-time memory of a board begins with these bytes
    { printf '%b' "$(printf '\\x%s' "$@")" && head -c $((32 - $#)) /dev/zero | tr '\0' '\377'; } >"$BOARD.otp"
}
new_board() { rm -f "$BOARD".*; }
sign() { "$FOTA" sign --slot "$1" --version 1.0.0 --hw f407-disco --counter 7 --key "$ROOT/build/keys/image-key.pem" \
    --out "$T/$1.img" "$FIRMWARE/app/demo-1.0.0-$1.bin" >/dev/null || { CODE=$? && fail 'cannot sign'; }; }
probe() { "$FOTA" probe --flash "$BOARD.flash" --option-bytes "$(cat "$BOARD.options")" >"$T/out" 2>&1; CODE=$?; }
sign a
sign b

echo '== a blank board becomes a provisioned one'
new_board
provision --level 1 --epoch 2 --keys "$ROOT/build/keys"
want_code 0
want_has 'root read back'
want_has 'option bytes read back: readout level 1'
want_has ' 0 violations'
want_has 'the application of slot A runs'
want_options $SHUT_LEVEL_1
want_epoch 2
N_OPS=$(sed -n 's/^board: \([0-9]*\) flash operations.*/\1/p' out)
cp "$BOARD.flash" good.flash
probe
want_code 0
want_has 'slot A           confirmed 1.0.0'
want_has 'RDP level 1, brown-out level 3, sectors 0 1 write-protected'

echo '== read-protected: refused, unless it is told to erase'
provision --level 0 --epoch 2
want_code 1
want_has 'the chip is at readout level 1: give --erase-locked'
want_options $SHUT_LEVEL_1
provision --level 0 --epoch 3 --erase-locked
want_code 0
want_options $SHUT
want_epoch 3
want_has ' 0 violations'
want_has 'the application of slot A runs'

echo '== a board with protected sectors is made anew; an epoch is not lowered'
provision --level 0 --epoch 3
want_code 0
want_options $SHUT
provision --level 1 --epoch 1
want_code 1
want_has 'one-time memory holds epoch 3, the job wants 1: an epoch cannot be lowered'
want_options 0x0FFFAAE0

echo '== an epoch that a cut left half programmed is completed; a bit that is in the way is named before anything is written'
new_board
otp 5A F7 FF
provision --level 0 --epoch 3
want_code 0
want_has ' 0 violations'
want_otp '00 00 00 ff ff ff ff ff'
new_board
otp FF FF FF FF FF 0F
provision --level 1 --epoch 2
want_code 1
want_has 'one-time memory at 0x1FFF7804 reads 0xFFFF0FFF, epoch 2 is 0xFFFFFFFF there: a bit that is 0 stays 0'
want_has 'nothing was locked'
want_options 0x0FFFAAE0
want_otp 'ff ff ff ff ff 0f ff ff'

echo '== a wrong byte in the read-back: nothing is locked'
FLIPS='0x08000123:root 0x08004400:loader 0x08021001:image'
[ -z "$QUICK" ] || FLIPS=0x08004400:loader
for at in $FLIPS; do
    new_board
    FLIP=${at%:*} provision --level 1 --epoch 2
    want_code 1
    want_has "${at#*:} at 0x"
    want_has 'nothing was locked'
    want_options 0x0FFFAAE0
    want_epoch 0
done

echo '== cut and repeated: it ends provisioned'
new_board
# An epoch of 6 is two words of one-time memory: one operation more than the epoch of 2 above.
CUTS="1 2 9 14 2000 3600 7000 $((N_OPS - 400)) $(seq -s ' ' $((N_OPS - 4)) $((N_OPS + 1)))"
[ -z "$QUICK" ] || CUTS="3600 $((N_OPS - 2)) $((N_OPS + 1))"
for cut in $CUTS; do
    new_board
    CUT=$cut provision --level 1 --epoch 6 --erase-locked
    want_code 0
    want_has 'the supply was cut, run 1 ended with 1'
    want_has 'the application of slot A runs'
    want_has ' 0 violations'
    want_options $SHUT_LEVEL_1
    want_otp '00 00 00 00 00 00 ff ff'
    cmp -s "$BOARD.flash" good.flash || cmp -s -n 49152 "$BOARD.flash" good.flash || fail "cut at $cut: other bytes in sectors 0 to 2"
done

echo '== level 2 needs its extra word, and the script does not trust its caller'
new_board
provision --level 2
want_code 1
want_has 'readout level 2 can never be undone'
[ ! -e "$BOARD.options" ] || fail 'the board was touched'
provision --level 0
sed 's/^set level 0/set level 2/' job/job.tcl >level2.tcl
new_board
CODE=0; "$DOUBLE" -f level2.tcl -f "$ROOT/tools/provision/provision.tcl" >out 2>&1 || CODE=$?
want_code 1
want_has 'give --for-ever with it; nothing was written'
want_options $FACTORY
grep -v '^lappend parts .list loader' job/job.tcl >short.tcl
CODE=0; "$DOUBLE" -f short.tcl -f "$ROOT/tools/provision/provision.tcl" >out 2>&1 || CODE=$?
want_code 1
want_has 'loader was not verified: nothing was locked'
want_options 0x0FFFAAE0
provision --level 2 --for-ever
want_code 0
want_options $SHUT_LEVEL_2
want_has 'the application of slot A runs'
provision --level 0 --erase-locked
want_code 1
want_has 'readout level 2: nothing can change it any more'

echo '== bad jobs are named before a board is touched'
new_board
IMAGE=$T/b.img provision --level 0
want_code 1
want_has 'image: '
want_has 'would not boot'
provision --level 0 --epoch 8
want_code 1
want_has 'has security counter 7, below the epoch 8'
provision --level 0 --epoch 33
want_code 1
want_has 'one-time memory has room for 0 to 32'
provision --level 0 --root "$FIRMWARE/loader/loader.img"
want_code 1
want_has 'does not begin with the vector table of sector 0'
head -c 20000 /dev/zero >big.bin
provision --level 0 --root big.bin
want_code 1
want_has 'has 20000 bytes, its place holds 16384'
IMAGE=gone.img provision --level 0
want_code 1
want_has 'gone.img: No such file'
DRY=1 provision --level 0
want_code 0
want_has 'provision.tcl'
[ ! -e "$BOARD.options" ] || fail 'a board was touched'
echo passed
