#!/bin/sh
# Fuzz what the gateway reads from others and from its own disk: statements, its state file, header lines, the XML of errors and of
# STS, the JSON and files that credentials stand in. Two targets side by side; how many executions it were goes into FIGURES.
#
# Usage: gateway.sh PROGRAMS_DIR CORPUS_DIR FIGURES [EXECUTIONS]     default 10,000,000 of all targets together
set -eu
programs=$1
corpus=$2
figures=$3
executions=${4:-10000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fuzz TARGET SHARE MAX_LEN: SHARE in percent
fuzz() {
    mkdir -p "$work/$1"
    "$programs/$1_fuzz" -runs=$((executions / 100 * $2)) -seed=1 -max_len="$3" -len_control=0 -timeout=20 \
        -artifact_prefix="crash-$1-" "$work/$1" "$corpus/$1" >"$work/$1.log" 2>&1 || {
        tail -40 "$work/$1.log"
        return 1
    }
}

fuzz http 50 2100 &
http=$!
for share in 'statement 20 2100' 'record 20 5100' 'credentials 10 2100'; do
    # shellcheck disable=SC2086 # three words
    fuzz $share || { kill $http 2>/dev/null || true; exit 1; }
done
wait $http
total=0
for target in statement record credentials http; do
    n=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$work/$target.log")
    echo "$target: $(tail -1 "$work/$target.log")"
    total=$((total + n))
done
echo "$total executions under ASan and UBSan, nothing found"
printf '{\n  "gateway_fuzz_executions": %d\n}\n' $total >"$figures"
