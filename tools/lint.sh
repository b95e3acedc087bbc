#!/bin/sh
# clang-tidy over everything that this machine compiles, with the short list in .clang-tidy. Needs Debian's clang-tidy.
set -eu
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null 2>&1 || {
    echo "lint: clang-tidy is not installed: apt-get install clang-tidy" >&2
    exit 1
}
[ -f build/clang/build.ninja ] || cmake --preset clang >/dev/null
git ls-files 'lib/*.c' 'port/posix/*.c' 'port/fake/*.c' 'port/twin/*.c' 'host/*.c' 'cli/*.c' 'twin/*.c' 'demo/*.c' |
    xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/clang
