#!/bin/sh
# The component and the Arduino library are made and checked, their headers and sketches compile as C++.
#
# Usage: packages_test.sh SOURCE_DIR
set -eu
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$1"
tools/kconfig.py --self-test
tools/kconfig.py check
tools/esp_component.py --self-test
tools/esp_component.py component "$out"
tools/esp_component.py arduino "$out"
cd "$out"
python3 -m zipfile -e FotaGateway.zip .
stand_ins="$1/tests/stand_ins"
for header in FotaGateway/src/fota_gateway/*.h; do
    g++ -std=c++11 -Wall -Wextra -pedantic -Werror -fsyntax-only -IFotaGateway/src -x c++ "$header"
done
# As the Arduino IDE does it: src/ and the core's headers are the only folders, C files are C.
find FotaGateway/src -name '*.c' -exec gcc -std=gnu17 -Wall -Wextra -Werror -fsyntax-only -IFotaGateway/src -I"$stand_ins/esp_idf/api" {} +
for sketch in FotaGateway/examples/*/*.ino; do
    g++ -std=gnu++17 -Wall -Wextra -Werror -fsyntax-only -IFotaGateway/src -I"$stand_ins/arduino" -I"$stand_ins/esp_idf/api" -include Arduino.h -x c++ "$sketch"
done
# The example and the list of signatures with the types of the real chip: uint32_t is unsigned long there.
"$1/tools/kconfig.py" header esp32c3 menu.h
riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 --specs=picolibc.specs -std=gnu17 -Wall -Wextra -Wconversion -Wshadow -Werror -fsyntax-only \
    -DSTAND_IN_ESP32C3 -include menu.h -Ifota_gateway/include -I"$stand_ins/esp_idf/api" fota_gateway/examples/fota_gateway/main/*.c \
    "$stand_ins/esp_idf/contract.c"
echo "packages: made, checked, the library compiles, headers and sketches are C++"
