#!/bin/sh
# API reference by Doxygen (docs/api/Doxyfile) of every public header, into build/docs/api/html. A warning is an error.
#
# Usage: tools/docs.sh
set -eu
cd "$(dirname "$0")/.."
out=build/docs/api
folders=$(printf '%s ' lib/*/include port/include agent/include host/*/include)
rm -rf "$out"
mkdir -p "$out"
{
    cat docs/api/Doxyfile
    printf 'PROJECT_NUMBER = %s\n' "$(tools/check_version.py --print)"
    printf 'INPUT = docs/api/mainpage.md %s\nSTRIP_FROM_INC_PATH = %s\n' "$folders" "$folders"
} >"$out/Doxyfile"
if ! doxygen "$out/Doxyfile" >"$out/log" 2>&1; then
    cat "$out/log"
    echo "docs: doxygen warns; mend the comments that the lines above name" >&2
    exit 1
fi
echo "docs: $out/html/index.html"
