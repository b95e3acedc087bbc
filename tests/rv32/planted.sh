#!/bin/sh
# The guest must notice each planted fault: a failed assertion, an undefined operation, a stack that is too deep. And it must
# say that a test of this name does not exist.
#
# Usage: planted.sh QEMU GUEST
set -u
qemu=$1 guest=$2
n_missed=0

# seen CODE WORDS NAME: with this fault planted the guest ends by this exit code and says these words.
seen() {
    said=$({ "$qemu" "$guest" planted "$3"; } 2>&1)
    code=$?
    if [ "$code" -ne "$1" ] || ! printf '%s\n' "$said" | grep -q -- "$2"; then
        printf 'planted %s: exit code %d, wanted %d with "%s"; it said:\n%s\n' "$3" "$code" "$1" "$2" "$said"
        n_missed=$((n_missed + 1))
    fi
}

seen 1 'planted.c:[0-9]*: failed' a_wrong_number
seen 133 '' a_word_at_an_odd_address # 128 + SIGTRAP
seen 1 'over its bound' a_deep_stack
seen 1 'no test ran' no_such_test
exit $n_missed
