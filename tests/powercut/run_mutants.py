#!/usr/bin/env python3
"""Run every planted bug: each must be caught, by one of the checks that mutants.json names for it.

Usage: run_mutants.py FOLDER_OF_PROGRAMS [--figures FILE] [--jobs N]
"""
import argparse
import concurrent.futures
import json
import re
import subprocess
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "mutants.json"
BROKEN = re.compile(r"^BROKEN (\w+): (.*)\n\s*replay: powercut (\S*)", re.M)
TIMEOUT_S = 240


def run(folder, mutant):
    """(check, text, replay id) of what was noticed; check is None if nothing was."""
    program = Path(folder) / f"powercut_mutant_{mutant['name']}"
    try:
        done = subprocess.run([program, *mutant["run"]], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return None, f"took more than {TIMEOUT_S} s", ""
    found = BROKEN.search(done.stdout)
    if found:
        return found.groups()
    return None, f"ended with {done.returncode} and no complaint", done.stdout[-300:] + done.stderr[-300:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--figures")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    mutants = json.loads(TABLE.read_text(encoding="utf-8"))
    n_caught = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for mutant, (check, text, where) in zip(mutants, pool.map(lambda m: run(args.folder, m), mutants)):
            is_caught = check in mutant["caught_by"]
            n_caught += is_caught
            verdict = f"caught by {check}" if is_caught else f"SURVIVED ({check}: expected {' '.join(mutant['caught_by'])})"
            print(f"{mutant['name']:22} {verdict}: {text}\n{'':22} {mutant['breaks']}\n{'':22} {where}", flush=True)
    print(f"planted bugs: {len(mutants)}, caught: {n_caught}")
    if args.figures:
        with open(args.figures, "a", encoding="utf-8") as out:
            out.write(f"mutants {len(mutants)}\nmutants_caught {n_caught}\n")
    return 0 if n_caught == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
