#!/bin/sh
# Take from a folder of found inputs what covers something that the corpus does not, under names that sort: found_001 ...
#
# Usage: keep.sh PROGRAM CORPUS_DIR FOUND_DIR
set -eu
"$1" -set_cover_merge=1 -use_counters=0 -max_len=2100 "$2" "$3" >/dev/null 2>&1
n=$(find "$2" -name 'found_*' | wc -l)
for file in "$2"/*; do
    case ${file##*/} in
    *[!0-9a-f]*) ;; # a seed, or kept before
    *)
        n=$((n + 1))
        mv "$file" "$2/found_$(printf %03d "$n")"
        ;;
    esac
done
echo "$n kept"
