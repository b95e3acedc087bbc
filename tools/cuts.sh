#!/bin/sh
# Never brick, shown: every proof by enumeration, its figures as a table and in build/cuts.json (docs/POWERCUT.md).
#
# Usage: tools/cuts.sh [host | all]    host: without the real binaries on the twin
#
# Environment: BUILD (default build/host), JOBS (default: number of processors)
set -eu
cd "$(dirname "$0")/.."
what=${1:-all}
case $what in host | all) ;; *) echo "cuts.sh: say host or all, not '$what'" >&2 && exit 2 ;; esac
build=${BUILD:-build/host}
jobs=${JOBS:-$(nproc)}
out=build/cuts
start=$(date +%s)
if [ ! -f "$build/build.ninja" ]; then
    echo "cuts.sh: $build is not configured: run \`make host\` first" >&2
    exit 2
fi
rm -rf "$out" && mkdir -p "$out"

cmake --build "$build" -j "$jobs" --target powercut powercut_mutants powercut_coverage >"$out/build.log" 2>&1 || {
    tail -40 "$out/build.log"
    exit 1
}
program=$build/tests/powercut/powercut

# One job a line, the longest first: name, then the command; its output goes to $out/name.txt.
{
    echo "nested $program --figures $out/nested.fig nested nested"
    if [ "$what" = all ]; then
        echo "elf $build/tests/twincut/fota-elf-cuts"
        echo "skip $build/tests/twincut/fota-skip"
    fi
    echo "fixpoint6 $program --figures $out/fixpoint6.fig fixpoint 6"
    echo "single $program --figures $out/single.fig single"
    echo "mutants tests/powercut/run_mutants.py $build/tests/powercut --figures $out/mutants.fig --jobs 1"
    echo "nested-wrap $program --figures $out/nested-wrap.fig nested nested-wrap"
    echo "nested-reject $program --figures $out/nested-reject.fig nested nested-reject"
    echo "random $program --figures $out/random.fig random"
    echo "brownout $program --figures $out/brownout.fig brownout"
    echo "fixpoint4 $program --figures $out/fixpoint4.fig fixpoint 4"
    echo "coverage tests/powercut/coverage.sh $build/tests/powercut"
} >"$out/jobs"

# xargs runs them; a job that fails leaves a file, so that all the others are still seen.
export CUTS_OUT="$out"
# shellcheck disable=SC2016
xargs -P "$jobs" -L 1 sh -c '
    name=$1 && shift
    "$@" >"$CUTS_OUT/$name.txt" 2>&1 || echo "$name ended with $?" >"$CUTS_OUT/$name.failed"
    echo "-- $name" && cat "$CUTS_OUT/$name.txt"
' cuts <"$out/jobs"

[ "$what" = host ] || cat "$out/elf.txt" "$out/skip.txt" | grep -E '^(elf|skip)_[a-z_]+ [0-9]+$' >"$out/twin.fig" || true
tests/powercut/figures.py "$out" $(($(date +%s) - start)) build/cuts.json

if ls "$out"/*.failed >/dev/null 2>&1; then
    printf '\nFAILED:\n' && cat "$out"/*.failed
    exit 1
fi
