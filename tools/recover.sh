#!/bin/sh
# The long runs of recovery and resume (docs/RECOVERY.md): thousands of boards, each cut or reset at places of its own, and each
# must end rebuilt or updated. What a job prints is in build/recover/JOB.txt.
#
# Usage: tools/recover.sh [JOB ...]
#
# Environment: BUILD (default build/host), JOBS (default: number of processors)
set -eu
cd "$(dirname "$0")/.."
tests=${BUILD:-build/host}/tests/twin
all="recover-garbage recover-sector-0 recover-running recover-noise resume-agent resume-bootloader"

# Job to program and filter of its tests.
run() {
    case $1 in
    recover-garbage) set -- "$1" recover_test '*garbage_may_be_cut*' ;;
    recover-sector-0) set -- "$1" recover_test '*sector_0_may_be_cut*' ;;
    recover-running) set -- "$1" recover_test '*running_bootloader_may_be_cut*' ;;
    recover-noise) set -- "$1" recover_test '*bit_errors*' ;;
    resume-agent) set -- "$1" resume_test '*by_the_agent*' ;;
    resume-bootloader) set -- "$1" resume_test '*by_the_bootloader*' ;;
    *)
        echo "recover.sh: no job '$1'; there are $all" >&2
        exit 255 # xargs stops
        ;;
    esac
    out=build/recover/$1.txt
    if "$tests/$2" --all "$3" >"$out" 2>&1 && ! grep -q '^\[  PASSED  \] 0 ' "$out"; then
        echo "$(date +%H:%M:%S) ok      $1: $(grep '^seed \|(seed ' "$out" | tail -1)"
    else
        echo "$(date +%H:%M:%S) FAILED  $1: $out"
        exit 1
    fi
}

if [ "${1:-}" = --job ]; then
    run "$2"
    exit
fi
mkdir -p build/recover
echo "$(date +%H:%M:%S) begin: one line for each job at its end, some minutes apart; follow one with tail -f build/recover/JOB.txt"
# shellcheck disable=SC2086
printf '%s\n' ${*:-$all} | xargs -n 1 -P "${JOBS:-$(nproc)}" tools/recover.sh --job
