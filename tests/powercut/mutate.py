#!/usr/bin/env python3
"""Write the source of a planted bug: a copy of a shipping file with one thing wrong (mutants.json).

Usage: mutate.py [--table FILE] SOURCE_DIR NAME OUT   write the copy
       mutate.py [--table FILE] SOURCE_DIR --check    every edit still finds what it replaces, exactly once

--table FILE: another list than tests/powercut/mutants.json
"""
import json
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "mutants.json"


def mutate(root, mutant, table):
    path = Path(root) / mutant["file"]
    text = path.read_text(encoding="utf-8")
    for old, new in mutant["edits"]:
        found = text.count(old)
        if found != 1:
            sys.exit(f"{mutant['name']}: {mutant['file']} has {found} times, not once:\n{old}\n"
                     f"The code has changed: adapt {table}, so that the bug is planted again.")
        text = text.replace(old, new)
    return text


def check(root, mutants, table):
    """Exit code; tells every bug that cannot be planted, not only the first."""
    n_bad = 0
    for mutant in mutants:
        try:
            mutate(root, mutant, table)
        except SystemExit as complaint:
            n_bad += 1
            print(complaint, file=sys.stderr)
    print(f"{len(mutants) - n_bad} of {len(mutants)} planted bugs can be planted")
    return 1 if n_bad else 0


def main(args):
    table = TABLE
    if args[:1] == ["--table"] and len(args) > 1:
        table, args = Path(args[1]), args[2:]
    mutants = json.loads(table.read_text(encoding="utf-8"))
    if len(args) == 2 and args[1] == "--check":
        return check(args[0], mutants, table)
    if len(args) != 3:
        sys.exit(__doc__)
    for mutant in mutants:
        if mutant["name"] == args[1]:
            Path(args[2]).write_text(mutate(args[0], mutant, table), encoding="utf-8")
            return 0
    sys.exit(f"mutate.py: {table} has no {args[1]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
