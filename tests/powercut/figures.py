#!/usr/bin/env python3
"""Put the figures of all jobs together: a table on the screen and a flat JSON file.

Usage: figures.py FOLDER SECONDS OUT.json      FOLDER/*.fig hold lines "key value"

Counts add up over the jobs; of `normal_boot_flash_writes` the largest counts.
"""
import json
import sys
from pathlib import Path

KEYS = [
    ("fixpoint4_states", "journal, 4 records a sector: states", 1500, None),
    ("fixpoint4_violations", "violations", None, 0),
    ("fixpoint6_states", "journal, 6 records a sector: states", 50000, None),
    ("fixpoint6_violations", "violations", None, 0),
    ("single_sessions", "single cuts on the host core: sessions", 390000, None),
    ("single_bricks", "bricks", None, 0),
    ("nested_sessions", "nested cuts: sessions", 2000000, None),
    ("nested_bricks", "bricks", None, 0),
    ("random_sessions", "three to five cuts by lot: cuts", None, None),
    ("random_bricks", "bricks", None, 0),
    ("elf_cuts", "cuts of the real binaries on the twin", 5000, None),
    ("elf_bricks", "bricks", None, 0),
    ("mutants", "planted bugs", 12, None),
    ("mutants_caught", "caught", None, None),
    ("skip_runs", "instruction faults", None, None),
    ("skip_bad_boots", "boots of the damaged image", None, 0),
    ("brownout_erases_per_sector_day", "erases of a journal sector in the worst brown-out day", None, 3000),
    ("normal_boot_flash_writes", "flash writes of a normal boot", None, 0),
    ("journal_branches_percent", "branches of journal.c taken", 100, None),
    ("slots_branches_percent", "branches of slots.c taken", 100, None),
    ("seconds", "seconds", None, None),
]


def collect(folder):
    sums = {}
    for path in sorted(Path(folder).glob("*.fig")):
        for line in path.read_text(encoding="utf-8").splitlines():
            key, value = line.split()
            if key == "normal_boot_flash_writes":
                sums[key] = max(sums.get(key, 0), int(value))
            else:
                sums[key] = sums.get(key, 0) + int(value)
    return sums


def verdict(found, key, value, at_least, at_most):
    if key == "mutants_caught":
        at_least = found.get("mutants")
    if at_least is not None and value < at_least:
        return f"  MISSED: at least {at_least:,}"
    if at_most is not None and value > at_most:
        return f"  MISSED: at most {at_most:,}"
    return ""


def main(folder, seconds, out):
    found = collect(folder)
    found["seconds"] = int(seconds)
    flat = {}
    print()
    for key, text, at_least, at_most in KEYS:
        if key in found:
            flat[key] = found[key]
            print(f"{text:58} {found[key]:>12,}{verdict(found, key, found[key], at_least, at_most)}")
    Path(out).write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")
    missed = [k for k, _, low, high in KEYS if k in found and verdict(found, k, found[k], low, high)]
    print(f"-> {out}" + (f"; missed: {', '.join(missed)}" if missed else ""))
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
