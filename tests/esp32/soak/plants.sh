#!/bin/sh
# A soak that cannot fail shows nothing: each planted fault breaks the promise that it should break.
#
# Usage: plants.sh SOAK_PROGRAM [twin]     twin: only the one that needs the twin; the long soak shows that it is kept without
set -eu
soak=$1

# broken FAULT FIGURE OPTION...
broken() {
    fault=$1 figure=$2 && shift 2
    if out=$("$soak" --quick "$@" --plant "$fault"); then
        echo "planted '$fault': the soak found nothing" >&2
        exit 1
    fi
    echo "$out" | grep -q "NOT SO: $figure is" || {
        printf "%s\nplanted '%s': the soak does not say that %s is missed\n" "$out" "$fault" "$figure" >&2
        exit 1
    }
}

# The same; without the fault every promise is kept.
kept_and_broken() {
    fault=$1 figure=$2 && shift 2
    "$soak" --quick "$@" >/dev/null || {
        echo "a promise is broken without a planted fault: $*" >&2
        exit 1
    }
    broken "$fault" "$figure" "$@"
}

if [ "${2:-}" = twin ]; then
    broken slow-wires esp32_384k_s --only twin
else
    kept_and_broken no-stage esp32_bytes_ratio_clean --only networks --run 1
    kept_and_broken never-confirms esp32_updates_not_ok --only networks --run 3
    kept_and_broken wrong-byte esp32_updates_corrupt --only networks --run 8
    kept_and_broken forgets esp32_refetched_bytes_max --only ends
fi
echo "each planted fault was noticed"
