#!/bin/sh
# Fuzz both loaders with so many frames each, side by side, and say how many it were.
#
# Usage: run.sh PROGRAMS_DIR CORPUS_DIR [FRAMES [SEED]]     default 10,000,000 frames; SEED 0: another one each time
set -eu
programs=$1
corpus=$2
frames=${3:-10000000}
seed=${4:-0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fuzz() {
    mkdir -p "$work/$1"
    FUZZ_FRAMES=$frames "$programs/$1_frames" -seed="$seed" -max_len=600 -len_control=0 -entropic=0 -timeout=20 \
        -artifact_prefix="crash-$1-" "$work/$1" "$corpus/frames" >"$work/$1.log" 2>&1
}

fuzz agent &
agent=$!
fuzz loader || { tail -40 "$work/loader.log"; exit 1; }
wait $agent || { tail -40 "$work/agent.log"; exit 1; }
for loader in agent loader; do
    grep -h "^$loader: .* frames in" "$work/$loader.log" | tail -1
    grep -h '^INFO: Seed' "$work/$loader.log"
done
