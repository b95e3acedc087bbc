#!/usr/bin/env python3
"""Run the jobs of `make cuts` side by side, the longest first; tell how they come on; put their figures together.

Usage: run_jobs.py [--build FOLDER] [--jobs N] [all | host | JOB ...]
       run_jobs.py --self-test

What a job prints is in build/cuts/JOB.txt. The table and build/cuts.json (of some jobs: build/cuts/part.json) are made by figures.py. Ends with 1 if a job
fails or a figure misses what it must reach.
"""
import argparse
import concurrent.futures
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import figures

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build/cuts"
FIGURE = re.compile(r"^((?:elf|loader_elf|skip|brownout)_[a-z_]+|normal_boot_flash_writes) (\d+)$", re.M)
BAR = 24

# Job: about how many seconds it takes on one processor, and the command. P: powercut; T: the folder of the twin's programs.
HOST_JOBS = {
    "nested": (300, "P nested nested"),
    "single": (110, "P single"),
    "nested-wrap": (60, "P nested nested-wrap"),
    "nested-reject": (330, "P nested nested-reject"),
    "nested-crash": (155, "P nested crash"),
    "fixpoint6": (190, "P fixpoint 6"),
    "coverage": (40, "tests/powercut/coverage.sh B"),
    "worn": (75, "P worn"),
    "f8": (50, "P f8"),
    "loader": (30, "P loader"),
    "trial": (10, "P trial"),
    "dip": (5, "P dip"),
    "random": (20, "P random"),
    "brownout-model": (10, "P brownout"),
    "mutants": (70, "tests/powercut/run_mutants.py B --jobs 1"),
    "fixpoint4": (1, "P fixpoint 4"),
}
TWIN_JOBS = {
    "elf": (400, "T/fota-elf-cuts"),
    "loader-elf": (75, "T/fota-loader-cuts"),
    "skip": (205, "T/fota-skip"),
    "brownout": (20, "T/fota-brownout"),
}


def command_of(name, text, build):
    powercut = f"{build}/tests/powercut"
    words = {"P": f"{powercut}/powercut --figures {OUT}/{name}.fig", "B": powercut}
    text = " ".join(words.get(word, word) for word in text.split())
    text = text.replace("T/", f"{build}/tests/twincut/")
    return text.split() + (["--figures", f"{OUT}/{name}.fig"] if name in ("mutants", "coverage") else [])


def show(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """One line for each job that has ended, and on a terminal a bar below them."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.start = time.monotonic()
        self.running = {}
        self.done = []
        self.lock = threading.Lock()
        self.is_terminal = sys.stdout.isatty()

    def elapsed(self):
        return time.monotonic() - self.start

    def begin(self, name):
        with self.lock:
            self.running[name] = time.monotonic()

    def end(self, name, verdict):
        with self.lock:
            took = time.monotonic() - self.running.pop(name)
            self.done.append(name)
            wipe = "\r\033[K" if self.is_terminal else ""
            print(f"{wipe}{show(self.elapsed()):>6}  {len(self.done):2}/{len(self.jobs)}  {name:15} {show(took):>6}  "
                  f"{verdict}", flush=True)

    def share(self):
        """Of the expected time, what has passed."""
        total = sum(seconds for seconds, _ in self.jobs.values())
        passed = sum(self.jobs[name][0] for name in self.done)
        for name, since in self.running.items():
            passed += min(time.monotonic() - since, 0.95 * self.jobs[name][0])
        return passed / total

    def draw(self):
        with self.lock:
            if self.is_terminal and self.running:
                full = int(BAR * self.share())
                names = ", ".join(f"{n} {show(time.monotonic() - s)}" for n, s in self.running.items())
                print(f"\r\033[K{show(self.elapsed()):>6}  [{'#' * full}{'.' * (BAR - full)}] {names}", end="",
                      flush=True)


def run_job(name, command, progress):
    """Whether the job ended well."""
    progress.begin(name)
    log = OUT / f"{name}.txt"
    with open(log, "w", encoding="utf-8") as out:
        try:
            code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, check=False).returncode
        except OSError as error:
            out.write(f"{command[0]}: {error.strerror}\n")
            code = 127
    text = log.read_text(encoding="utf-8", errors="replace")
    found = FIGURE.findall(text)
    if found and not (OUT / f"{name}.fig").exists():
        (OUT / f"{name}.fig").write_text("".join(f"{key} {value}\n" for key, value in found), encoding="utf-8")
    complaint = next((line for line in text.splitlines() if re.match(r"BROKEN|BRICK|BAD ", line)), "")
    verdict = "ok" if code == 0 else f"FAILED with {code}: build/cuts/{name}.txt {complaint}"
    progress.end(name, verdict)
    return code == 0


def run_all(jobs, commands, n_jobs):
    """Names of the jobs that failed."""
    progress = Progress(jobs)
    with concurrent.futures.ThreadPoolExecutor(n_jobs) as pool:
        order = sorted(jobs, key=lambda name: -jobs[name][0])
        ends = {name: pool.submit(run_job, name, commands[name], progress) for name in order}
        while not all(end.done() for end in ends.values()):
            progress.draw()
            time.sleep(0.5)
    return [name for name, end in ends.items() if not end.result()], progress.elapsed()


def choose(what):
    known = {**HOST_JOBS, **TWIN_JOBS}
    if what in ([], ["all"]):
        return known
    if what == ["host"]:
        return HOST_JOBS
    for name in what:
        if name not in known:
            sys.exit(f"run_jobs.py: no job '{name}'; there are all, host, {', '.join(known)}")
    return {name: known[name] for name in what}


def self_test():
    """A job that fails, one that cannot start and a figure that misses are noticed."""
    OUT.mkdir(parents=True, exist_ok=True)
    jobs = {"self-good": (1, ""), "self-bad": (1, ""), "self-none": (1, "")}
    commands = {"self-good": ["true"], "self-bad": ["sh", "-c", "echo BRICK here; exit 1"],
                "self-none": ["build/no-such-program"]}
    failed, _ = run_all(jobs, commands, 2)
    for name in jobs:
        (OUT / f"{name}.txt").unlink()
    assert sorted(failed) == ["self-bad", "self-none"], failed
    figures.self_test()
    print("run_jobs.py: failing jobs and figures are noticed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/host")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("what", nargs="*")
    args = parser.parse_args()
    if args.self_test:
        self_test()
        return 0
    jobs = choose(args.what)
    OUT.mkdir(parents=True, exist_ok=True)
    for old in [*OUT.glob("*.fig"), *OUT.glob("*.txt")]:
        old.unlink()
    failed, seconds = run_all(jobs, {name: command_of(name, jobs[name][1], args.build) for name in jobs}, args.jobs)
    is_whole = jobs.keys() == {**HOST_JOBS, **TWIN_JOBS}.keys()
    out = ROOT / "build/cuts.json" if is_whole else OUT / "part.json"  # part of the figures is not the figures
    missed = figures.report(OUT, int(seconds), out, is_whole)
    for name in failed:
        print(f"FAILED: {name} (build/cuts/{name}.txt)")
    return 1 if failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())
