#!/bin/sh
# The test run, cheap stages first; stops at the first stage that fails and prints a table of stage times.
#
# Usage: tools/test.sh all | quick | long       long: what takes minutes by itself, and is not in `all`
set -eu
cd "$(dirname "$0")/.."
mode=${1:-all}
case $mode in all | quick | long) ;; *) echo "test.sh: say all, quick or long, not '$mode'" >&2 && exit 2 ;; esac
PATH=/usr/bin:$PATH # what setup.sh installed, as in the Makefile
mkdir -p build/setup
jobs=$(nproc)
times=''

# stage NAME COMMAND...: run it, time it, stop if it fails.
stage() {
    name=$1 && shift
    printf '\n== %s\n' "$name"
    start=$(date +%s)
    if ! "$@"; then
        printf '\nFAILED in stage "%s"\n' "$name" >&2
        exit 1
    fi
    times="$times$(printf '  %-44s %4d s' "$name" $(($(date +%s) - start)))
"
}

configure() {
    for preset in "$@"; do
        [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >"build/setup/configure-$preset.log" 2>&1 || {
            cat "build/setup/configure-$preset.log"
            return 1
        }
    done
}

build() {
    dir=$1 && shift
    cmake --build "build/$dir" -j "$jobs" "$@"
}
second_compiler() { tools/clang_check.py --self-test 2>/dev/null >&2 && tools/clang_check.py build/host; }
tests() {
    dir=$1 && shift
    ctest --test-dir "build/$dir" -j $((jobs + 1)) --output-on-failure "$@" # some wait for a server
}
# A test that skips itself for want of firmware has shown nothing: here, where all is built, that is a failure.
none_skipped() {
    tests host "$@" --output-log build/setup/tests.log || return 1
    ! grep -F '***Skipped' build/setup/tests.log
}
sanitized() {
    title=$1 && shift
    stage 'configure asan' configure asan
    stage 'build with ASan and UBSan' build asan --target fota_sanitized_tests
    stage "$title" tests asan "$@"
}
layout() { git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror; }
checks() {
    for check in tools/check_*.py; do
        "$check" --self-test && "$check" || return 1
    done
}

stage 'layout (clang-format)' layout
stage 'configure' configure host
stage 'build for this machine (gcc)' build host
stage 'checks: layers, hidden state, headers, docs' checks
[ "$mode" = long ] || stage 'unit, property and contract tests' none_skipped -L unit -LE long
stage 'configure f407' configure f407
stage 'firmware, size and stack' build f407
if [ "$mode" = all ]; then
    sanitized 'host tests under ASan and UBSan' -L sanitized -LE slow_sanitized
    stage 'all other tests, none skipped' none_skipped -LE 'unit|long'
fi
if [ "$mode" = long ]; then
    stage 'clang has no warning either' second_compiler
    sanitized 'slow host tests under ASan and UBSan' -L slow_sanitized
    stage 'long tests' none_skipped -L long
fi
printf '\nstage times\n%s' "$times"
