#!/usr/bin/env python3
"""Write the hand-made seeds of the corpus, or check that they are what this file says.

Usage: seeds.py CORPUS_DIR           write them
       seeds.py CORPUS_DIR --check   exit 1 if a seed is missing or another one than here

A frame seed is one byte for the board it starts from (boot.c) and a list of operations: the grammar of host.c.
"""
import sys
from pathlib import Path

GET, VERSION, ID, READ, WRITE, ERASE, SPECIAL, PROTECT, GO, INFO, BEGIN, BLOCK = range(12)
REST, HASH, FINISH, ACTIVATE, ABORT, RETRY, SYNC = 13, 14, 15, 17, 18, 19, 20
CONFIRM, BUSY, FAIL_PROGRAM, NRST, SILENCE, SESSION, STRIDE, REQUEST, UNKNOWN, RAW, UPDATE = range(21, 32)
BROKEN, KEEP_ON = 0x20, 0x40
SLOT, SLOT_END, INFO_ADDR, BOOT, J0 = 12, 13, 9, 1, 7
INFO_BYTES = 116
A_RUNS, B_RUNS, FIRST_RUN, TRIAL, OTHER_FULL, NOTHING, DAMAGED = 0, 1, 2, 3, 4, 8, 9


def be32(value):
    return list(value.to_bytes(4, "big"))


def write(where, off, n, fill):
    return [WRITE, where, off & 0xFF, n - 1, fill]


def read(where, off, n):
    return [READ, where, off & 0xFF, n - 1]


ERASE_A, ERASE_B = [ERASE, 2, 5, 6, 7], [ERASE, 2, 8, 9, 10]
PLAIN = [[GET], [ID], ERASE_B, write(SLOT, 0, 4, 0x11), write(SLOT, 4, 256, 1), write(SLOT_END, -4, 4, 7), read(SLOT, 0, 256)]

FRAMES = {
    "get_id_version": (A_RUNS, [[GET], [VERSION], [ID]]),
    "plain_update_of_b": (A_RUNS, PLAIN + [[GO, SLOT, 0]]),
    "plain_update_of_a": (B_RUNS, [ERASE_A, write(SLOT, 0, 8, 0x22), read(SLOT, 0, 8), [GO, SLOT, 0]]),
    "plain_over_an_old_image": (OTHER_FULL, [write(SLOT, 0, 4, 0x11), ERASE_B, write(SLOT, 0, 4, 0x11)]),
    "plain_in_the_loader": (NOTHING, [ERASE_A, write(SLOT, 0, 12, 0x11), write(SLOT, 12, 252, 0x21)]),
    "plain_beside_a_damaged_image": (DAMAGED, [ERASE_B, ERASE_A, write(SLOT, 0, 12, 0x11)]),
    "read_around_the_slot": (A_RUNS, [read(SLOT, -1, 1), read(SLOT, -1, 2), read(SLOT_END, -1, 1), read(SLOT_END, -1, 2),
                                      read(SLOT_END, -128, 256), read(SLOT_END, 0, 1)]),
    "read_info_by_address": (A_RUNS, [read(INFO_ADDR, 0, INFO_BYTES), read(INFO_ADDR, INFO_BYTES - 1, 1),
                                      read(INFO_ADDR, INFO_BYTES - 1, 2), read(INFO_ADDR, -1, 1)]),
    "read_the_previous_firmware": (OTHER_FULL, [read(SLOT, 0, 256), [ERASE, 0, 9], read(SLOT, 0, 256), [BEGIN, 2, 0],
                                                read(SLOT, 0, 256)]),
    "read_elsewhere": (A_RUNS, [read(i, 0, 256) for i in range(12)] + [[READ, 255, *be32(0xFFFFFFFF), 255]]),
    "write_around_the_slot": (A_RUNS, [ERASE_B, write(SLOT, -4, 4, 1), write(SLOT, -4, 8, 1), write(SLOT_END, -4, 8, 1),
                                       write(SLOT_END, 0, 4, 1), write(SLOT, 2, 4, 1), write(SLOT_END, -128, 256, 1)]),
    "write_elsewhere": (A_RUNS, [write(i, 0, 4, 0) for i in range(12)]),
    "erase_elsewhere": (A_RUNS, [[ERASE, 0, i] for i in range(16)] + [[ERASE, 4, 8, 8, 8, 8, 8], [ERASE, 0x80, 8]]),
    "erase_special_codes": (A_RUNS, [[SPECIAL, i] for i in range(16)]),
    "protection_commands": (A_RUNS, [[PROTECT, i] for i in range(4)]),
    "info": (TRIAL, [[INFO]]),
    "update_and_activate": (A_RUNS, [[UPDATE, 0x41], [INFO], [CONFIRM], [INFO]]),
    "update_back_and_forth": (B_RUNS, [[UPDATE, 0x41], [CONFIRM], [UPDATE, 0xC2], [CONFIRM], [UPDATE, 1], [ABORT]]),
    "update_twice_the_same": (A_RUNS, [[UPDATE, 1], [UPDATE, 1], [ACTIVATE], [UPDATE, 1]]),
    "update_of_an_empty_board": (NOTHING, [[UPDATE, 0x41], [UPDATE, 0x42]]),
    "update_of_a_damaged_board": (DAMAGED, [[UPDATE, 0x42], [GET]]),
    "update_over_an_old_image": (OTHER_FULL, [[UPDATE, 0x82], [HASH, 0, 0, 64], [FINISH], [ACTIVATE]]),
    "update_while_the_application_is_busy": (A_RUNS, [[BUSY, 3], [UPDATE, 1], [BUSY, 2], [ACTIVATE]]),
    "update_with_a_bad_word": (A_RUNS, [[BEGIN, 1, 0], [FAIL_PROGRAM, 9], [REST], [REST], [UPDATE, 1]]),
    "trial_never_confirmed": (TRIAL, [[NRST], [NRST], [NRST], [INFO], [UPDATE, 2]]),
    "trial_refuses_an_update": (TRIAL, [[BEGIN, 2, 0], ERASE_A, ERASE_B, [CONFIRM], [UPDATE, 2]]),
    "first_run_refuses_an_update": (FIRST_RUN, [[BEGIN, 1, 0], write(SLOT, 0, 4, 0), [CONFIRM], [UPDATE, 1]]),
    "statements_refused": (A_RUNS, [[BEGIN, 3, 0], [BEGIN, 4, 0], [BEGIN, 5, 0], [BEGIN, 1, 1, 3], [BEGIN, 1, 4, 200]]),
    "blocks_out_of_order": (A_RUNS, [[BEGIN, 1, 0], [BLOCK, 0x25, 4], [BLOCK, 0x65, *be32(0)], [REST], [BLOCK, 0x21, 0xFC],
                                     [FINISH], [FINISH]]),
    "image_not_signed": (A_RUNS, [[BEGIN, 1, 0], [BLOCK, 4, 0], [BLOCK, 4, 0], [BLOCK, 4, 0], [BLOCK, 4, 0], [FINISH],
                                  [ACTIVATE]]),
    "sessions_mixed": (A_RUNS, [[BEGIN, 1, 0], ERASE_B, [SESSION, 0], [REST], [ABORT], ERASE_B, [BEGIN, 1, 0], [BEGIN, 2, 0],
                                [ABORT], [BEGIN, 2, 0]]),
    "session_of_nobody": (A_RUNS, [[SESSION, 1, *be32(0x12345678)], [REST], [FINISH], [ACTIVATE], [ABORT]]),
    "plain_session_by_vendor_commands": (A_RUNS, [ERASE_B, [SESSION, 0], [BLOCK, 0x47, *be32(0x5F000)], [REST], [FINISH],
                                                  [ACTIVATE]]),
    "hash_ranges": (A_RUNS, [[HASH, 3, *be32(0), *be32(0x60000)], [HASH, 3, *be32(0x60000), *be32(1)],
                             [HASH, 3, *be32(0xFFFFFFFF), *be32(2)]]),
    "request_sizes": (A_RUNS, [[REQUEST, i, n >> 8, n & 0xFF, 1] for i in range(8) for n in (0, 4, 8, 9, 1024, 1025, 4104)]),
    "requests_longer_than_the_buffer": (A_RUNS, [[BEGIN, 1, 0], [BLOCK, 0x21, 0]] + [[REQUEST, i, 0x12, 0, 1] for i in range(8)]),
    "byte_by_byte": (A_RUNS, [[STRIDE, 0], [UPDATE, 1], [GET], read(SLOT, 0, 8)]),
    "resets_in_a_session": (A_RUNS, [[BEGIN, 1, 0], [NRST], [BEGIN, 1, 0], [REST], [NRST], [UPDATE, 1], [NRST], [ACTIVATE]]),
    "sync_at_any_time": (A_RUNS, [[SYNC], [GET], [SYNC], ERASE_B, [SYNC], [STRIDE, 0], [SYNC], [UPDATE, 1], [SYNC]]),
    "retry_numbers": (TRIAL, [[RETRY, 1], [RETRY, 1], [RETRY, 0], [NRST], [RETRY, 9]]),
    "journal_dies_under_an_update": (A_RUNS, [[BEGIN, 1, 0], [REST], [FAIL_PROGRAM, 0], [FINISH], [FAIL_PROGRAM, 0],
                                              [FINISH], [ABORT], [BEGIN, 2, 0], [RETRY, 3], ERASE_B]),
    "raw_bytes": (A_RUNS, [[RAW, 5, 0x5A, 0x5A, 0x00, 0xFF, 0x79], [KEEP_ON | RAW, 3, 0x5A, 0x44, 0xBB], [GET]]),
    "unknown_commands": (A_RUNS, [[UNKNOWN, 0x50, 0xAF], [KEEP_ON | UNKNOWN, 0xC7, 0x38], [KEEP_ON | UNKNOWN, 0, 0]]),
}
for kind in range(6):  # host.c: send_broken; the stage is kind / 48 of the byte before
    for stage in range(3):
        how = [48 * stage + kind, 3 + stage]
        FRAMES[f"broken_{kind}_in_stage_{stage + 1}"] = (A_RUNS, [
            ERASE_B, [BROKEN | WRITE, *how, SLOT, 0, 15, 1], [BROKEN | READ, *how, SLOT, 0, 15], [BROKEN | ERASE, *how, 0, 8],
            [BROKEN | BEGIN, *how, 1, 0], [BROKEN | REST, *how], [BROKEN | INFO, *how], [KEEP_ON | BROKEN | GET, *how], [GET]])


def seeds():
    for name, (board, operations) in FRAMES.items():
        yield f"frames/{name}", bytes([board] + [byte for operation in operations for byte in operation])


def main(args):
    if len(args) not in (1, 2) or (len(args) == 2 and args[1] != "--check"):
        sys.exit(__doc__)
    root = Path(args[0])
    for name, content in seeds():
        path = root / name
        if len(args) == 2 and (not path.is_file() or path.read_bytes() != content):
            sys.exit(f"seeds.py: {path} is not the seed of that name; run tests/fuzz/seeds.py {root}")
        if len(args) == 1:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    print(f"{len(list(seeds()))} seeds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
