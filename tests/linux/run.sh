#!/bin/bash
# run.sh TEST: one numbered test in a fresh folder. Exit 0 passed, 77 skipped, else failed.
set -e
here=$(cd "$(dirname "$0")" && pwd)
. "$CLI_TESTS/lib.sh"
set +e
. "$here/lib.sh"
. "$1"
[ "$N_CHECKS" -gt 0 ] || { echo "FAILED: $1 checked nothing"; exit 1; }
echo "passed: $N_CHECKS checks"
