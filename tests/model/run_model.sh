#!/bin/sh
# Check the protocol model with spin: safety and liveness of the design must hold, and every mutant must be caught.
#
# Usage: tests/model/run_model.sh [MAX_CUTS]     needs Debian's spin
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cuts=${1:-4}
command -v spin >/dev/null 2>&1 || { echo "model: spin is not installed: apt-get install spin" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

# check WHAT EXPECTED(clean|caught) KIND(safety|liveness) DEFINES...
check() {
    what=$1 expected=$2 kind=$3 && shift 3
    spin -a -DMAX_CUTS="$cuts" "$@" "$here/update.pml" >spin.log 2>&1 || { cat spin.log; exit 1; }
    # A mutant is found within a few states: there the compiler is what takes time.
    if [ "$expected" = caught ]; then speed=-O0; else speed=-O2; fi
    if [ "$kind" = safety ]; then
        gcc $speed -w -DSAFETY -DNOCLAIM -o pan pan.c && ./pan -m1000000 >pan.log 2>&1 || true
    else
        gcc $speed -w -DNFAIR=3 -o pan pan.c && ./pan -a -f -m1000000 -N settles >pan.log 2>&1 || true
    fi
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log)
    if grep -q 'max search depth too small' pan.log || [ -z "$errors" ]; then
        result=incomplete
    elif [ "$errors" -eq 0 ]; then
        result=clean
    else
        result=caught
    fi
    if [ "$result" = "$expected" ]; then
        passed=$((passed + 1)) mark=ok
    else
        failed=$((failed + 1)) mark=FAILED
    fi
    printf '%-6s %-44s %-9s %-10s %s states\n' "$mark" "$what" "$kind" "$result" "${states:-?}"
}

check 'the design' clean safety
check 'the design, active slot rots' clean safety -DROT
check 'the design, a new board' clean safety -DFRESH
check 'the design, a new board whose image rots' clean safety -DFRESH -DROT
check 'the design' clean liveness
check 'the design, a new board' clean liveness -DFRESH
check 'trial counted after the run' caught safety -DMUTANT_COUNT_AFTER_RUN
check 'floor raised before confirm' caught safety -DMUTANT_FLOOR_BEFORE_CONFIRM
check 'erase of the active slot' caught safety -DMUTANT_ERASE_ACTIVE
check 'erase before the statement is checked' caught safety -DMUTANT_ERASE_UNCHECKED
check 'rejected image forgotten' caught safety -DMUTANT_FORGET_REJECTED
check 'no operator retry after cut trials' caught liveness -DMUTANT_NO_RETRY
check 'the same retry number lifts again and again' caught safety -DMUTANT_RETRY_WITHOUT_MEMORY
check 'an offer of another release ends a rejection' caught safety -DMUTANT_OFFER_ENDS_REJECTION
check 'every reset is a failed run' caught safety -DMUTANT_EVERY_RESET_IS_A_FAILED_RUN
check 'the only image is rejected' caught safety -DFRESH -DMUTANT_REJECT_THE_ONLY_IMAGE
check 'a trial is rejected although the active slot rotted' caught safety -DROT -DMUTANT_REJECT_THE_ONLY_IMAGE
check 'slot not verified at finish' caught safety -DMUTANT_FINISH_UNVERIFIED
check 'fallback to any signed image, active rots' caught safety -DROT -DMUTANT_FALLBACK_ANY_SIGNED
check 'crash loop: the image left stays confirmed' caught safety -DMUTANT_CRASH_PINGPONG
check 'crash loop: any signed image takes over' caught safety -DMUTANT_CRASH_TO_ANY
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
