#!/usr/bin/env python3
"""Code that works with any board names no number of one board.

lib/link, lib/format, host/ and cli/ take struct board_layout (base/board_layout.h), the host side at run time. A macro of the
generated board header in them, or an include of that header, would be the board that this tree happened to be built for.

Usage: check_board_macros.py [--self-test]
"""
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import board  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("lib/link", "lib/format", "host", "cli")
HEADERS = ("base/flash_map.h", "board/board.h")
# A comment or a string may name anything.
SKIPPED = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def macros():
    return {row[0] for row in board.defines(board.load(board.BOARDS, "f407-disco")) if row}


def blank(match):
    """Lines keep their numbers."""
    return "\n" * match.group().count("\n")


def problems(name, text, names):
    for match in INCLUDE.finditer(text):
        if match.group(1) in HEADERS:
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: includes {match.group(1)}: take struct board_layout"
    for number, line in enumerate(SKIPPED.sub(blank, text).split("\n"), 1):
        for word in re.findall(r"\b[A-Z][A-Z0-9_]+\b", line):
            if word in names:
                yield f"{name}:{number}: {word} is a number of one board: take it from struct board_layout"


def self_test():
    names = macros()
    assert {"FLASH_SLOT_A_BASE", "FLASH_J0_SECTOR", "RAM_REQUEST_ADDR", "BOARD_NAME"} <= names, "macros of the header are not found"
    for planted in ("uint32_t a = FLASH_SLOT_A_BASE;", '#include "base/flash_map.h"', "# include <board/board.h>",
                    "/* why */ int n[FLASH_SLOT_SECTORS];", 'say("x"); f(RAM_BYTES);'):
        assert list(problems("host/a.c", planted, names)), f"not seen: {planted}"
    for good in ("/* FLASH_SLOT_A_BASE */", 'say("FLASH_SLOT_A_BASE");', '#include "base/flash_chip.h"', "E_FLASH_VERIFY, FLASH_MAP_BASE"):
        assert not list(problems("host/a.c", good, names)), f"falsely seen: {good}"
    two = list(problems("host/a.c", "/* one\n two */\nRAM_BYTES", names))
    assert two and two[0].startswith("host/a.c:3:"), two


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    names = macros()
    files = subprocess.run(["git", "ls-files", *(f"{folder}/*.[ch]" for folder in FOLDERS)], cwd=ROOT, text=True, check=True,
                           stdout=subprocess.PIPE).stdout.split()
    found = [p for name in files for p in problems(name, (ROOT / name).read_text(), names)]
    print("\n".join(found) or f"boards: {len(files)} files of {', '.join(FOLDERS)} name no number of one board")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
