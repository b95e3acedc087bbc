#!/bin/sh
# Play the corpus of a parser target, then so many inputs made from it, with a fixed seed.
#
# Usage: parse.sh PROGRAM CORPUS_DIR RUNS
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" -runs="$3" -seed=1 -max_len=2100 -timeout=20 -artifact_prefix=crash- "$work" "$2" >"$work/log" 2>&1 || {
    tail -40 "$work/log"
    exit 1
}
tail -1 "$work/log"
