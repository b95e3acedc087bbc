#!/bin/sh
# The whole story of `make demo` on a board: S3, signed release, update, confirmation, rollback; nothing in it is of one board.
#
# Usage: story.sh DEMO BOARD FIRMWARE_FOLDER [FOTA]     FOTA: another command than the build's
set -eu
out=$(FOTA_POLL_MS=300 FOTA_BOARD=$2 FOTA_FIRMWARE=$3 FOTA_COMMAND=${4:-} "$1" 2>&1) || {
    printf '%s\n' "$out"
    exit 1
}
printf '%s\n' "$out" | tail -12
printf '%s\n' "$out" | grep -q '^demo: 2.0.0 confirmed in slot B$'
printf '%s\n' "$out" | grep -q '^demo: 3.0.0 rejected, 2.0.0 runs again$'
# A number that nobody measured is no number: the trial took less than a minute of the board's time.
printf '%s\n' "$out" | awk '/reset to confirmed/ { if ($NF > 0 && $NF < 60) found = 1 } END { exit !found }'
