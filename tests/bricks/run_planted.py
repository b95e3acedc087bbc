#!/usr/bin/env python3
"""Each story notices its bug: run it on a copy of the boot core with that bug planted (planted.json); it must fail.

Usage: run_planted.py FOLDER_OF_PROGRAMS
"""
import json
import subprocess
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "planted.json"
TIMEOUT_S = 60


def what_happened(folder, bug):
    """None if the story that is named for the bug ran and failed, else what happened instead."""
    program = Path(folder) / f"bricks_planted_{bug['name']}"
    try:
        done = subprocess.run([program, bug["noticed_by"]], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"took more than {TIMEOUT_S} s"
    if f"FAILED  ] {bug['noticed_by']}" not in done.stdout + done.stderr:
        return f"not noticed (ended with {done.returncode})"
    return None


def main(args):
    if len(args) != 1:
        sys.exit(__doc__)
    bugs = json.loads(TABLE.read_text(encoding="utf-8"))
    n_missed = 0
    for bug in bugs:
        missed = what_happened(args[0], bug)
        n_missed += missed is not None
        print(f"{bug['name']:22} {missed or 'noticed'} by {bug['noticed_by']}")
    print(f"{len(bugs)} planted bugs, {len(bugs) - n_missed} noticed")
    return 1 if n_missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
