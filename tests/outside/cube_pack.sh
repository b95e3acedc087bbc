#!/bin/bash
# The pack for STM32CubeIDE: two runs write the same bytes, nothing in it names this machine, its post-build step signs and says what is
# wrong, and its words for imgtool are those of docs/spec/image.md, whose result tests/unit/format/image_test.c compares with imgtool's own.
#
# Usage: cube_pack.sh      environment: FOTA (the command), CLI_TESTS (tests/cli)
set -e
. "$CLI_TESTS/lib.sh"
. "$(dirname "$0")/lib.sh"
set +e
need_firmware

run "$ROOT/tools/cube_pack.py" "$FIRMWARE" one
want_code 0
run env TZ=Asia/Tokyo bash -c "umask 077; '$ROOT/tools/cube_pack.py' '$FIRMWARE' '$T/two'"
want_code 0
zip=$(basename one/*.zip)
want cmp "one/$zip" "two/$zip"
run "$ROOT/tools/cube_pack.py" "$T/nowhere" three
want_code 1
want_err_has "is missing: build the firmware with its demo first (make fw)"
want [ ! -e three ]

want unzip -q "one/$zip" -d pack
want [ "$(grep -rlF "$ROOT" pack | wc -l)" = 0 ]
want [ "$(grep -rl '@[A-Z_]*@' pack | wc -l)" = 0 ]
agent=pack/Middlewares/Third_Party/fota_agent

# The step with the fota command.
keys
for slot in a b; do
    base=SLOT_${slot^^}
    binary $slot.bin ${!base}
    run env FOTA_KEY=keys/image-key.pem FOTA_COMMAND="$FOTA" FOTA_COUNTER=4 sh $agent/sign.sh $slot 1.4.0 $slot.bin $slot.img
    want_code 0
    run "$FOTA" inspect --keys keys $slot.img
    want_code 0
    want_out_has "1.4.0"
done
run env FOTA_COMMAND="$FOTA" sh $agent/sign.sh a 1.4.0 a.bin a.img
want_code 0
want_out_has "a.bin is not signed: set FOTA_KEY to your private image key, or run"
want_out_has "sign --slot a --version 1.4.0 --hw f407-disco --counter 1 --key KEY.pem --out a.img a.bin"
want [ ! -e a.img ]
run env FOTA_KEY=none.pem FOTA_COMMAND="$FOTA" sh $agent/sign.sh b 1.4.0 b.bin b.img
want [ "$CODE" != 0 ]
want [ ! -e b.img ]
run sh $agent/sign.sh a 1.4.0
want_code 2
want_err_has "wants SLOT VERSION PROGRAM.bin IMAGE.img"

# The step with imgtool: the words of image.md, with the numbers of the linker scripts.
want python3 - "$ROOT/docs/spec/image.md" $agent <<'PY'
import pathlib, re, sys
page, agent = pathlib.Path(sys.argv[1]).read_text(), pathlib.Path(sys.argv[2])
shown = re.search(r"^    (imgtool sign .*?)\n\n", page, re.S | re.M).group(1).replace("\\\n", " ").split()
text = (agent / "sign.bat").read_bytes()
assert text.count(b"\n") == text.count(b"\r\n"), "sign.bat: a line without CR"
ours = re.search(r"^imgtool sign .*$", text.decode(), re.M).group(0).split()
values = {"-k": None, "--version": None, "--security-counter": None, "--rom-fixed": None}
def words(line):
    return [None if i and line[i - 1] in values else word for i, word in enumerate(line[:-2])]
assert words(ours) == words(shown), f"sign.bat: {ours}\nimage.md: {shown}"
for slot in "ab":
    base = re.search(rf'=="{slot}" \(set SLOT_BASE=(\w+)\)', text.decode()).group(1)
    script = (agent / f"slot_{slot}.ld").read_text()
    origin = re.search(r"ORIGIN = (\w+) \+ (\w+)", script)
    assert int(base, 0) == int(origin.group(1), 0), f"slot {slot}: sign.bat has {base}, the script {origin.group(1)}"
    assert int(ours[ours.index("--header-size") + 1], 0) == int(origin.group(2), 0), "the header's size differs"
PY
echo "passed: $N_CHECKS checks"
