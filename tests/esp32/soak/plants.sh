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

broken no-stage networks esp32_bytes_ratio_clean
broken never-confirms networks esp32_updates_ok
broken wrong-byte networks esp32_updates_corrupt
broken forgets ends esp32_refetched_bytes_max
broken slow-wires twin esp32_384k_s
echo "5 planted faults noticed"
