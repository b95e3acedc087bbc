#!/bin/sh
# Never brick, shown: every proof by enumeration, its figures as a table and in build/cuts.json (docs/POWERCUT.md).
#
# Usage: tools/cuts.sh [all | host | JOB ...]    all, the default: every job; host: those without the real binaries
#
# Environment: BUILD (default build/host), JOBS (default: number of processors)
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build/host}
jobs=${JOBS:-$(nproc)}
if [ ! -f "$build/build.ninja" ]; then
    echo "cuts.sh: $build is not configured: run \`make host\` first" >&2
    exit 2
fi
mkdir -p build/cuts
echo "building the programs and the planted bugs"
cmake --build "$build" -j "$jobs" --target powercut powercut_mutants powercut_coverage fota-elf-cuts fota-skip \
    fota-brownout >build/cuts/build.log 2>&1 || {
    tail -40 build/cuts/build.log
    exit 1
}
exec tests/powercut/run_jobs.py --build "$build" --jobs "$jobs" "$@"
