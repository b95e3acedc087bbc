#!/bin/bash
# run.sh TEST: one numbered test in a fresh folder. Exit 0 passed, 77 skipped, else failed.
set -e
. "$(dirname "$0")/lib.sh"
set +e
. "$1"
[ "$N_CHECKS" -gt 0 ] || { echo "FAILED: $1 checked nothing"; exit 1; }
echo "passed: $N_CHECKS checks"
