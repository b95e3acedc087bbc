#!/bin/sh
# Branch coverage of the journal and of the boot decision: fixpoint, sweeps and unit tests, on the same two objects.
#
# Usage: coverage.sh FOLDER_OF_PROGRAMS [--figures FILE]
set -eu
folder=$(cd "$1" && pwd)
figures=${3:-/dev/null}
objects=$folder/CMakeFiles/powercut_covered.dir
find "$objects" -name '*.gcda' -delete
"$folder/powercut_coverage" fixpoint 4 >/dev/null
for scenario in plain factory reject rot rot-rejected lost starved only worn-j0-full; do
    "$folder/powercut_coverage" single "$scenario" >/dev/null
done
"$folder/journal_coverage" >/dev/null 2>&1
"$folder/edges_coverage" >/dev/null 2>&1
"$folder/alone_coverage" >/dev/null 2>&1
"$folder/slots_coverage" >/dev/null 2>&1
for name in journal slots; do
    data=$(find "$objects" -name "$name.c.gcda")
    shown=$(cd "$folder" && gcov -b -c -n -o "$(dirname "$data")" "$(basename "$data")" 2>/dev/null |
        sed -n "/lib\/$name\/$name.c'$/,/^\$/p")
    taken=$(echo "$shown" | sed -n 's/^Taken at least once:\([0-9]*\)\.\([0-9]*\)% of \([0-9]*\)$/\1 \2 \3/p' | head -1)
    lines=$(echo "$shown" | sed -n "s/^Lines executed:\(.*\)$/\1/p" | head -1)
    if [ -z "$taken" ]; then
        echo "coverage.sh: gcov has no figures for lib/$name/$name.c in $objects" >&2
        exit 1
    fi
    # shellcheck disable=SC2086
    set -- $taken
    echo "$name.c: branches taken $1.$2 % of $3, lines $lines"
    echo "${name}_branches_percent $1" >>"$figures"
done
