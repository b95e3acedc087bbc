#!/usr/bin/env python3
"""Check that no two files of a library need each other: whoever reads one may stop at the files it calls.

check_layers.py looks at folders and includes. This looks at what the compiled files of one folder use of each other: a circle
(a needs b, b needs a, by whatever way round) is a folder that can only be understood, and tested, as a whole.

Usage: check_circles.py [--self-test]
"""
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ("lib", "agent", "host", "port", "twin", "demo", "cli")


def uses(archive):
    """{file: {other file of the archive: a symbol that it uses of it}}"""
    defined, wanted = {}, defaultdict(set)
    out = subprocess.run(["nm", "-A", str(archive)], check=True, text=True, capture_output=True).stdout
    for line in out.splitlines():
        name, parts = line.split(":")[1], line.split(":", 2)[2].split()
        if parts[-2] in "TDBRVW":
            defined[parts[-1]] = name
        elif parts[-2] == "U":
            wanted[name].add(parts[-1])
    return {name: {defined[s]: s for s in sorted(symbols) if defined.get(s, name) != name} for name, symbols in wanted.items()}


def reachable(graph, start):
    seen, todo = set(), [start]
    while todo:
        for other in graph.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def circles(graph):
    """One line for each use that lies on a circle."""
    reach = {name: reachable(graph, name) for name in graph}
    for name, others in sorted(graph.items()):
        for other, symbol in sorted(others.items()):
            if name in reach.get(other, ()):
                yield f"{name} uses {symbol} of {other}, which needs {name}"


def self_test():
    with tempfile.TemporaryDirectory() as tmp:
        for name, code in (("a", "int b(void); int a(void) { return b(); }"), ("b", "int a(void); int b(void) { return a(); }"),
                           ("c", "int a(void); int c(void) { return a(); }"), ("d", "int d(void) { return 1; }")):
            Path(tmp, name + ".c").write_text(code)
            subprocess.run([shutil.which("gcc"), "-c", name + ".c"], check=True, cwd=tmp)
        for members, n in (("ab", 2), ("abc", 2), ("ac", 0), ("cd", 0)):
            archive = Path(tmp, f"{members}.a")
            subprocess.run(["ar", "rc", archive, *(f"{m}.o" for m in members)], check=True, cwd=tmp)
            assert len(list(circles(uses(archive)))) == n, members


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    archives = sorted(a for p in PLACES for a in (ROOT / "build/host" / p).rglob("*.a"))
    if not archives:
        print("circles: no archive in build/host; run `make host` first")
        return 1
    found = [f"{a.relative_to(ROOT / 'build/host')}: {c}" for a in archives for c in circles(uses(a))]
    print("\n".join(found) or f"circles: {len(archives)} libraries, no file needs a file that needs it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
