#!/usr/bin/env python3
"""Check that the version of the project is written in one place.

The place is project(... VERSION x.y.z) in the top CMakeLists.txt. No other source, header or CMake list may give a name with
VERSION in it a number x.y.z of its own (the releases of demo and examples are arguments of fota_add_application, and tests choose
their own). CHANGELOG.md has a section for this version.

Usage: check_version.py [--self-test | --print]     --print: only say the version
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = re.compile(r"^project\(\w+\s+VERSION\s+(\d+\.\d+\.\d+)\b", re.M)
# NAME_VERSION "1.2.3", set(NAME_VERSION 1.2.3), NAME_VERSION = 1 << 24 ...
OWN = re.compile(r'\b[A-Z_]*VERSION\b[\s=("]*(\d+\.\d+\.\d+\b|\d+\s*<<\s*24)')
ARGUMENT = re.compile(r"fota_add_application\([^)]*\)", re.S)
PLACE = "CMakeLists.txt"
PATTERNS = ("*.c", "*.h", "*.in", "*.cmake", "*CMakeLists.txt")
FREE = ("tests/", "examples/")


def version_of(text):
    found = PROJECT.search(text)
    return found.group(1) if found else None


def problems(files, changelog):
    """files: {path: text}. One sentence for each place that names a version of its own."""
    version = version_of(files.get(PLACE, ""))
    if version is None:
        yield f"{PLACE}: no project(... VERSION x.y.z)"
        return
    for path, text in sorted(files.items()):
        if path == PLACE or path.startswith(FREE):
            continue
        for found in OWN.finditer(ARGUMENT.sub("", text)):
            line = " ".join(found.group(0).split())
            yield f"{path}: '{line}' is a second place for a version; use PROJECT_VERSION or fota_version.h"
    if not re.search(rf"^## \[{re.escape(version)}\]", changelog, re.M):
        yield f"CHANGELOG.md: no section '## [{version}]' for the version of {PLACE}"


def tree():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *PATTERNS], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.split()
    return {n: (ROOT / n).read_text() for n in names if (ROOT / n).exists()}


def self_test():
    log = "## [1.2.3] - soon\n"
    good = {PLACE: "project(fota VERSION 1.2.3 LANGUAGES C)\n", "app/CMakeLists.txt": "fota_add_application(a VERSION 9.9.9)\n",
            "tests/x.c": '#define OTHER_VERSION "3.2.1"\n', "a.cmake": "cmake_minimum_required(VERSION 3.25)\n"}
    assert not list(problems(good, log)), "a good tree was refused"
    for name, text in (("cli/v.h", '#define FOTA_VERSION "0.1.0"\n'), ("boot/v.h", "enum { B_VERSION = 1 << 24 | 2 };\n"),
                       ("loader/CMakeLists.txt", "set(LOADER_VERSION 1.2.3)\n")):
        assert len(list(problems({**good, name: text}, log))) == 1, f"{name}: a second place was not seen"
    assert list(problems(good, "## [1.2.2]\n")), "a CHANGELOG without the version was not seen"
    assert list(problems({PLACE: "project(fota C)\n"}, log)), "a project without a version was not seen"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    files = tree()
    if sys.argv[1:] == ["--print"]:
        return print(version_of(files[PLACE]))
    page = ROOT / "CHANGELOG.md"
    found = list(problems(files, page.read_text() if page.exists() else ""))
    print("\n".join(found) or f"version: {version_of(files[PLACE])}, in one place")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
