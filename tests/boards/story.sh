#!/bin/sh
# The whole story of `make demo` on a board: S3, signed release, update, confirmation, rollback; nothing in it is of one board.
#
# Usage: story.sh DEMO BOARD FIRMWARE_FOLDER [FOTA]     FOTA: another command than the build's
set -eu
out=$(FOTA_BOARD=$2 FOTA_FIRMWARE=$3 FOTA_COMMAND=${4:-} "$1" 2>&1) || {
    printf '%s\n' "$out"
    exit 1
}
printf '%s\n' "$out" | tail -12
printf '%s\n' "$out" | grep -q '^demo: 2.0.0 confirmed in slot B$'
printf '%s\n' "$out" | grep -q '^demo: 3.0.0 rejected, 2.0.0 runs again$'
