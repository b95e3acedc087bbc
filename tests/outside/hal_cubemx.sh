#!/bin/bash
# The example in the form that CubeMX generates, as a user of STM32CubeIDE would have it: the pack of `make cube-pack` is unpacked
# outside the tree, ST's files are put beside it as CubeMX does, and `make` builds it there. Nothing else of this tree is used until the
# images go onto the twin as 1.0.0 and are updated to 2.0.0, which must confirm itself.
#
# Usage: hal_cubemx.sh      environment: FOTA (the command), CLI_TESTS (tests/cli)
# Exit 0 passed, 77 skipped (no firmware yet), else failed.
set -e
. "$CLI_TESTS/lib.sh"
. "$(dirname "$0")/lib.sh"
set +e
need_firmware

run "$ROOT/tools/cube_pack.py" "$FIRMWARE" "$T/zip"
want_code 0
want unzip -q zip/*.zip -d pack
mv pack/Example project
mv pack/Middlewares project/
st=$ROOT/node_modules/@micro-os-plus/platform-stm32f4discovery/stm32cubemx
cp -r "$st/Drivers" project/
cp "$st/Core/Src/system_stm32f4xx.c" project/Core/Src/

# What was added for updates stands between USER CODE marks; CubeMX keeps that, and nothing else.
outside_marks() {
    sed '/USER CODE BEGIN/,/USER CODE END/d' project/Core/Src/main.c project/Core/Src/stm32f4xx_*.c project/Core/Inc/*.h
}
outside_marks >generated.txt
want grep -q SystemClock_Config generated.txt
want [ "$(grep -ci 'agent\|fota\|vectors' generated.txt)" = 0 ]

# Without a key: both programs, and the words how to sign them.
run make -C project -j 2 FOTA_COMMAND="$FOTA"
want_code 0
want_out_has "build/hal_cubemx-b.bin is not signed: set FOTA_KEY"
want [ ! -e project/build/hal_cubemx-a.img ]
# No warning in what the pack brings, with the warnings of CubeMX's Makefile.
want [ "$(grep -c 'Middlewares.*warning' err)" = 0 ]

for version in 1.0.0 2.0.0; do
    rm -f project/build/*.img
    run make -C project FOTA_COMMAND="$FOTA" FOTA_KEY="$ROOT/build/keys/image-key.pem" FOTA_VERSION=$version
    want_code 0
    for slot in a b; do
        want cp "project/build/hal_cubemx-$slot.img" "$version-$slot.img"
    done
done
want_update_on_twin hal_cubemx
echo "passed: $N_CHECKS checks"
