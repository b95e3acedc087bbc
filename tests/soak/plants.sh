#!/bin/sh
# A soak that cannot fail shows nothing: each planted fault breaks the promise that it should break.
#
# Usage: plants.sh SOAK_PROGRAM
set -eu
soak=$1

# broken FAULT PART FIGURE
broken() {
    if out=$("$soak" --quick --only "$2" --plant "$1"); then
        echo "planted '$1': the soak found nothing" >&2
        exit 1
    fi
    echo "$out" | grep -q "NOT SO: $3 is" || {
        printf "%s\nplanted '%s': the soak does not say that %s is missed\n" "$out" "$1" "$3" >&2
        exit 1
    }
}

broken no-stage networks bytes_ratio_clean
broken no-stage networks bytes_ratio_cut3000
broken never-confirms networks updates_ok
broken wrong-byte networks updates_corrupt
broken never-confirms ends kill_ok
broken forgets ends refetched_bytes_max
broken loud polls quiet_poll_requests
broken no-healing polls poisoned_not_healed
echo "8 planted faults noticed"
