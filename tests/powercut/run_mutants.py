#!/usr/bin/env python3
"""Run every planted bug: each must be caught, by one of the checks that mutants.json names for it.

A bug with "run" is in a copy of the sweeps and caught by a property; one with "unit" is in a copy of that unit test and
caught by one of its test functions.

Usage: run_mutants.py FOLDER_OF_PROGRAMS [--figures FILE] [--jobs N]
       run_mutants.py --self-test
       run_mutants.py --page        print the table of docs/POWERCUT.md
       run_mutants.py --check-page  the page has that table
"""
import argparse
import concurrent.futures
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "mutants.json"
PAGE = Path(__file__).resolve().parents[2] / "docs/POWERCUT.md"
BROKEN = re.compile(r"^BROKEN (\w+): (.*)\n\s*replay: powercut (\S*)", re.M)
FAILED = re.compile(r"^\[  FAILED  \] (\w+)$", re.M)
TIMEOUT_S = 600


def run(folder, mutant, timeout_s=TIMEOUT_S):
    """(check, text, replay id) of what was noticed; check is None if nothing was."""
    program = Path(folder) / f"powercut_mutant_{mutant['name']}"
    try:
        done = subprocess.run([program, *mutant.get("run", [])], capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return None, f"took more than {timeout_s} s", ""
    except OSError as error:
        return None, f"{program} does not run: {error.strerror}", ""
    if "unit" in mutant:
        failed = FAILED.findall(done.stdout + done.stderr)
        named = [test for test in failed if test in mutant["caught_by"]]
        if failed and done.returncode > 0:
            return (named or failed)[0], mutant["unit"], ""
    found = BROKEN.search(done.stdout)
    if found and done.returncode != 0:
        return found.groups()
    return None, f"ended with {done.returncode} and no complaint", done.stdout[-300:] + done.stderr[-300:]


def run_all(folder, mutants, n_jobs, timeout_s=TIMEOUT_S):
    """Names of those that were caught. One row each."""
    caught = []
    with concurrent.futures.ThreadPoolExecutor(n_jobs) as pool:
        results = pool.map(lambda m: run(folder, m, timeout_s), mutants)
        for mutant, (check, text, where) in zip(mutants, results):
            is_caught = check in mutant["caught_by"]
            caught += [mutant["name"]] if is_caught else []
            result = f"caught by {check}" if is_caught else f"SURVIVED ({check}: expected {' '.join(mutant['caught_by'])})"
            print(f"{mutant['name']:22} {result}: {text}\n{'':22} {mutant['breaks']}\n{'':22} {where}", flush=True)
    print(f"planted bugs: {len(mutants)}, caught: {len(caught)}")
    return caught


def self_test():
    """A bug counts as caught only if the named check complains and the run fails."""
    brick = "echo 'BROKEN J1: text'; echo '  replay: powercut pc/x/1/before'"
    programs = {"good": f"{brick}; exit 1", "silent": "exit 0", "crash": "kill -9 $$", "ends_well": f"{brick}; exit 0",
                "other_check": f"{brick.replace('J1', 'J9')}; exit 1", "slow": "exec sleep 5"}
    mutants = [{"name": name, "breaks": "self-test", "run": [], "caught_by": ["J1"]} for name in [*programs, "absent"]]
    fails = "echo '[  FAILED  ] other_promise' >&2; echo '[  FAILED  ] named_promise' >&2"
    tests = {"unit_good": f"{fails}; exit 2", "unit_passes": "echo '[       OK ] named_promise'; exit 0",
             "unit_other": "echo '[  FAILED  ] other_promise'; exit 1", "unit_crash": f"{fails}; kill -9 $$"}
    programs.update(tests)
    mutants += [{"name": name, "breaks": "self-test", "unit": "a_test", "caught_by": ["named_promise"]} for name in tests]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in programs.items():
            path = Path(folder, f"powercut_mutant_{name}")
            path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            path.chmod(0o755)
        caught = run_all(folder, mutants, 2, timeout_s=1)
        assert caught == ["good", "unit_good"], caught
        assert end(mutants, caught, None) == 1 and end([m for m in mutants if m["name"] in caught], caught, None) == 0
    print("run_mutants.py: a bug that survives is noticed")
    return 0


def page_table(mutants):
    rows = [f"| `{m['name']}` | {m['breaks']} | `{m.get('unit') or ' '.join(m['run'])}` | {', '.join(m['caught_by'])} |" for m in mutants]
    return "\n".join(["| name | what is wrong | run | caught by one of |", "|---|---|---|---|", *rows, ""])


def end(mutants, caught, figures):
    """Exit code; writes the figures."""
    if figures:
        with open(figures, "a", encoding="utf-8") as out:
            out.write(f"mutants {len(mutants)}\nmutants_caught {len(caught)}\n")
    return 0 if len(caught) == len(mutants) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--figures")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--check-page", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if args.page or args.check_page:
        table = page_table(json.loads(TABLE.read_text(encoding="utf-8")))
        if args.page:
            print(table, end="")
        elif table not in PAGE.read_text(encoding="utf-8"):
            sys.exit("docs/POWERCUT.md has another table of planted bugs: put in what run_mutants.py --page prints")
        return 0
    if not args.folder:
        parser.error("which folder holds the programs?")
    mutants = json.loads(TABLE.read_text(encoding="utf-8"))
    return end(mutants, run_all(args.folder, mutants, args.jobs), args.figures)


if __name__ == "__main__":
    sys.exit(main())
