#!/usr/bin/env python3
"""Check that the shared libraries keep no state: no writable global in lib/.

A global survives a "reset" in a host test and hides the bug that a real reset would show. nm must find no symbol in .data, .bss
or common of any archive below build/*/lib.

Usage: check_nostate.py [--self-test]
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def writable_symbols(archive):
    out = subprocess.run(["nm", "-A", str(archive)], check=True, text=True, capture_output=True).stdout
    for line in out.splitlines():
        parts = line.split()
        if len(parts) >= 2 and len(parts[-2]) == 1 and parts[-2] in "dDbBcCsSgG" and not parts[-1].startswith("$"):
            yield parts[-1]


def self_test():
    with tempfile.TemporaryDirectory() as tmp:
        for name, code, expected in (("bad", "static int hidden; int get(void) { return ++hidden; }", ["hidden"]),
                                     ("good", "static const int shown = 1; int get(void) { return shown; }", [])):
            src = Path(tmp, name + ".c")
            src.write_text(code)
            subprocess.run([shutil.which("gcc"), "-c", str(src), "-o", str(src) + ".o"], check=True)
            assert list(writable_symbols(str(src) + ".o")) == expected, f"{name}: wrong result"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    archives = sorted((ROOT / "build/host/lib").glob("*/*.a"))
    if not archives:
        print("hidden state: no archive in build/host/lib; run `make host` first")
        return 1
    found = [f"{a.relative_to(ROOT)}: writable global {s}" for a in archives for s in writable_symbols(a)]
    print("\n".join(found) or f"hidden state: {len(archives)} libraries, no writable global")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
