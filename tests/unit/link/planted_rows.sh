#!/bin/sh
# A missing piece of an operation does not compile. Each bug is planted in a copy of lib/link, which must then be refused by
# the compiler, with the words given; the copy as it is must be accepted, or the test would prove nothing.
# Usage: planted_rows.sh SOURCE_DIR CC BOARD_DIR     BOARD_DIR: folder of board/board.h
set -eu
src=$1
cc=$2
board=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

copy() {
    rm -rf "$work/link"
    cp -r "$src/lib/link" "$work/link"
}

compile() {
    for file in "$work"/link/*.c; do
        "$cc" -std=c11 -Wall -Wextra -Werror -I "$work/link/include" -I "$src/lib/base/include" -I "$board" \
            -I "$src/lib/update/include" -I "$src/lib/format/include" -c "$file" -o /dev/null || return 1
    done
}

# refused NAME WORDS FILE SED
refused() {
    copy
    sed -i "$4" "$work/link/$3"
    if cmp -s "$work/link/$3" "$src/lib/link/$3"; then
        echo "planted_rows: $1: the bug changes nothing in lib/link/$3: adapt its sed" >&2
        exit 1
    fi
    if compile >"$work/log" 2>&1; then
        echo "planted_rows: $1: this compiles, and must not" >&2
        exit 1
    fi
    if ! grep -q "$2" "$work/log"; then
        echo "planted_rows: $1: refused, but not because of '$2':" >&2
        cat "$work/log" >&2
        exit 1
    fi
    echo "refused: $1"
}

ops=include/link/link_ops.h
row='X(PAUSE, 0xC8, "PAUSE", 4, 4, PROGRESS, IN_SESSION, "session[4]"'

copy
compile

refused "a row without its handler" "do_pause" $ops "s|^#define LINK_REQUESTS(X).*|#define LINK_REQUESTS(X) $row, do_pause) \\\\|"
refused "a row that lacks a column" "requires" $ops "s|^#define LINK_REQUESTS(X).*|#define LINK_REQUESTS(X) $row) \\\\|"
refused "a handler without a row" "do_retry" $ops '/X(RETRY/d; s/\( do_abort)\).*/\1/'
refused "an opcode that stands twice" "duplicate case" $ops 's/0xC7, "RETRY"/0xC6, "RETRY"/'
refused "a reply that does not exist" "LINK_REPLY_PROGRES" $ops 's/4, 4,  *PROGRESS, ALWAYS/4, 4, PROGRES, ALWAYS/'
refused "a state that does not exist" "LINK_WHEN_SOMETIMES" $ops 's/PROGRESS, ALWAYS,/PROGRESS, SOMETIMES,/'
refused "a command that Get would not have room for" "Get lists every command" $ops '/X(READOUT_UNPROTECT/d; s/\(X(READOUT_PROTECT.*no_work)\).*/\1/'
refused "a first stage that does not exist" "LINK_STEP_NOWHERE" $ops 's/"Go",  *ADDRESS/"Go", NOWHERE/'
refused "a reply longer than its room" "room for the reply" $ops 's/X(HASH,  *LINK_HASH_BLOCK_BYTES/X(HASH, 4096/'
