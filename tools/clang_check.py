#!/usr/bin/env python3
"""The second compiler: clang reads every C file that gcc has compiled for this machine, with the same options, so also with the same
warnings as errors. It makes no code: nothing that clang would build here is ever run (the fuzz targets have a build of their own).

Usage: clang_check.py BUILD          BUILD: configured by CMake, with compile_commands.json and the generated headers
       clang_check.py --self-test    a file with a warning that only clang has must be refused
"""
import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DROPPED = {"-c", "-g"}
# Options of gcc that change the code it makes, and that clang does not know.
DROPPED_BEGINNINGS = ("-fno-tree-", "-ffile-prefix-map=")


def clang_options(command):
    """The options of a gcc command for clang: without compiler launcher, source and output."""
    words = shlex.split(command)
    while Path(words[0]).name not in ("cc", "gcc", "clang"):
        words.pop(0)
    kept, skip = [], False
    for word in words[1:-1]:
        if skip:
            skip = False
        elif word == "-o":
            skip = True
        elif word not in DROPPED and not word.startswith(DROPPED_BEGINNINGS):
            kept.append(word)
    return tuple(kept)


def groups_of(entries, root):
    """Files that were compiled alike, each file once: {(folder, options): [file]}. Left out: what has no object, because it is built on
    demand only, and planted bugs, which are files of the build folder."""
    groups, seen = {}, set()
    for entry in entries:
        source, folder = Path(entry["file"]), Path(entry["directory"])
        words = shlex.split(entry["command"])
        if not (folder / words[words.index("-o") + 1]).exists():
            continue
        if source.suffix == ".c" and source not in seen and (root / "build") not in source.parents:
            seen.add(source)
            groups.setdefault((entry["directory"], clang_options(entry["command"])), []).append(str(source))
    return groups


def compiler_call(folder, options, source):
    """What the driver runs: the compiler itself takes many files in one call, and starting it costs more than reading a file."""
    shown = subprocess.run(("clang", "-###", "-fsyntax-only", *options, source), cwd=folder, text=True, capture_output=True, check=True).stderr
    words = shlex.split(next(line for line in shown.splitlines() if '"-cc1"' in line))
    assert words[-1] == source, f"clang -### does not end in the file: {words[-1]}"
    return words[:-1]


def complaint(job):
    (folder, options), sources = job
    done = subprocess.run(compiler_call(folder, options, sources[0]) + sources, cwd=folder, text=True, capture_output=True, check=False)
    return "" if done.returncode == 0 else done.stderr or f"clang {' '.join(options)} ended with {done.returncode}\n"


def check(entries, root):
    """@return: exit code"""
    groups = groups_of(entries, root)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        complaints = [text for text in pool.map(complaint, sorted(groups.items())) if text]
    sys.stderr.write("".join(complaints))
    print(f"clang: {sum(map(len, groups.values()))} files, {len(groups)} sets of options, {len(complaints)} of them with a complaint")
    return 1 if complaints or not groups else 0


def self_test():
    """gcc says nothing about a variable that is assigned to itself, clang does; in whatever place of a call the file stands."""
    with tempfile.TemporaryDirectory() as folder:
        clean = "void f(int a);\nvoid f(int a)\n{\n    (void)a;\n}\n"
        entries = []
        for name in ("one.c", "two.c", "three.c"):
            source = Path(folder) / name
            source.write_text(clean)
            (Path(folder) / f"{name}.o").touch()
            entries.append({"directory": folder, "file": str(source), "command": f"ccache /usr/bin/cc -Wall -Werror -g -o {name}.o -c {source}"})
        root = Path(folder) / "elsewhere"
        assert check(entries, root) == 0, "files without fault were refused"
        assert check([], root) == 1, "nothing to read must not pass"
        assert check([{**entries[0], "command": entries[0]["command"].replace("one.c.o", "none.o")}], root) == 1, "nothing was compiled"
        for entry in entries:
            Path(entry["file"]).write_text(clean.replace("(void)a", "a = a"))
            assert check(entries, root) == 1, f"the warning planted in {entry['file']} was not seen"
            Path(entry["file"]).write_text(clean)
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    return check(json.loads((Path(sys.argv[1]) / "compile_commands.json").read_text()), Path(__file__).resolve().parent.parent)


if __name__ == "__main__":
    sys.exit(main())
