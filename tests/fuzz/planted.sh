#!/bin/sh
# Every planted bug is found by the input that is meant for it, with the words that are meant for it; the same input
# finds nothing in what ships.
#
# Usage: planted.sh PROGRAMS_DIR CORPUS_DIR
set -eu
programs=$1
corpus=$2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0

# found BUG TARGET SEED WORDS
found() {
    if ! "$programs/$2" -exact_artifact_path=/dev/null "$corpus/$3" >"$log" 2>&1; then
        echo "FAILED: $2 finds something without a bug in $3:"
        cat "$log"
        exit 1
    fi
    if "$programs/$2-$1" -exact_artifact_path=/dev/null "$corpus/$3" >"$log" 2>&1 || ! grep -q "$4" "$log"; then
        echo "FAILED: $2 does not find '$4' with the bug $1 in $3:"
        cat "$log"
        exit 1
    fi
    n=$((n + 1))
}

found read_after_the_info_block agent_frames frames/read_info_by_address 'a length to read is answered by 79'
found read_of_the_previous_firmware agent_frames frames/read_the_previous_firmware 'BROKEN PROMISE (agent): Read at 08080000 gives what was there before the session'
found busy_for_ever agent_frames frames/journal_dies_under_an_update 'BROKEN PROMISE (agent): vendor command C[146] is put off'
found read_anywhere loader_frames frames/read_elsewhere 'BROKEN PROMISE (loader): an address to read is answered by 79'
found any_number_of_sectors agent_frames frames/erase_elsewhere 'BROKEN PROMISE (agent): a number of sectors is answered by 79'
found requests_of_any_size loader_frames frames/requests_longer_than_the_buffer 'AddressSanitizer: global-buffer-overflow'
found silence_ends_nothing agent_frames frames/broken_2_in_stage_2 'BROKEN PROMISE (agent): Get is not answered any more'
found active_slot_is_inactive loader_frames frames/plain_update_of_b 'BROKEN PROMISE (loader): program in sector 5'
found statement_not_verified agent_frames frames/statements_refused 'BROKEN PROMISE (agent): BEGIN accepts statement 5'
found image_not_verified agent_frames frames/plain_update_of_b 'BROKEN PROMISE (agent): slot B is on trial, but holds no signed image'
found image_longer_than_its_file image_fuzz image/longer_than_its_file 'ERROR: AddressSanitizer'
echo "$n planted bugs found"
