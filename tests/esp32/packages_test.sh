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
g++ -std=c++11 -Wall -Wextra -pedantic -Werror -fsyntax-only -x c++ FotaGateway/src/fota_gateway/fota_gateway.h
for sketch in FotaGateway/examples/*/*.ino; do
    g++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -IFotaGateway/src -I"$1/tests/stand_ins/arduino" -include Arduino.h -x c++ "$sketch"
done
echo "packages: made, checked, C++ compiles"
