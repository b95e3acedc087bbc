#!/usr/bin/env python3
"""Check that public headers are the manual.

In every header below an include/ folder: each function has a comment right before it, or shares one with the functions of its
paragraph; one that returns enum fota_err names its errors (@return); one whose module writes flash says what a power cut leaves
behind; and the file opens with what it is for. Each header also compiles on its own.

Usage: check_headers.py [--self-test]
"""
import importlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A declaration at file scope: starts in column 0, has a parameter list, ends with ; or {.
DECLARATION = re.compile(r"^(?:FOTA_\w+\s+)*(?:static inline |extern )?((?:const |struct |enum |unsigned |void|bool|u?int\w*|size_t|char)"
                         r"[\w\s\*]*?)\**\b(\w+)\(([^;{]*)\)\s*(?:__attribute__\(\(.*\)\))?\s*(?:FOTA_\w+(?:\([^)]*\))?)?\s*[;{]", re.M)
# Functions whose first argument is one of these write flash, unless their name says they only look.
FLASH_HANDLES = ("struct flash *", "struct journal *", "struct update *")
LOOKS_ONLY = re.compile(r"(read|load|info|hash|view|find|newest|init|open|is_|has_|count|free_)")


def comment_before(text, start):
    """The block comment that ends right before `start`: only declarations of the same paragraph may stand between."""
    paragraph = text[:start].rsplit("\n\n", 1)
    head = paragraph[-1]
    end = head.rfind("*/")
    if end < 0:
        # A paragraph may follow its comment directly, without a blank line in between only.
        return ""
    begin = head.rfind("/*", 0, end)
    if begin < 0:  # the comment itself holds blank lines
        begin_all = text.rfind("/*", 0, start)
        return text[begin_all:start]
    return head[begin:end]


def problems(name, text):
    if not re.match(r"\s*/\*\*", text):
        yield f"{name}: does not open with a comment that says what it is for"
    for match in DECLARATION.finditer(text):
        returns, function, arguments = match.group(1).strip(), match.group(2), match.group(3)
        if function in ("defined", "sizeof", "_Static_assert", "FOTA_PRINTF"):
            continue
        line = text.count("\n", 0, match.start()) + 1
        comment = comment_before(text, match.start())
        if not comment:
            yield f"{name}:{line}: {function} has no comment"
            continue
        if returns.endswith("enum fota_err") and "@return" not in comment and "FOTA_OK" not in comment:
            yield f"{name}:{line}: {function} returns an error but its comment names none (@return)"
        writes = any(arguments.strip().startswith(h) for h in FLASH_HANDLES) and not LOOKS_ONLY.search(function)
        if writes and "const " not in arguments.split(",")[0] and "Power cut" not in comment:
            yield f"{name}:{line}: {function} reaches flash but its comment has no Power cut line"


def headers():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.h"], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.split()
    return [n for n in names if "/include/" in n and (ROOT / n).exists()]


def stands_alone(name, includes):
    """Compile the header by itself; target-only headers need ST's files and are compiled by the firmware build."""
    with tempfile.NamedTemporaryFile("w", suffix=".c") as probe:
        probe.write(f'#include "{name.split("/include/", 1)[1]}"\n')
        probe.flush()
        return subprocess.run(["gcc", "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *includes, probe.name],
                              text=True, capture_output=True).stderr.strip()


def self_test():
    good = "/**\n * What it is.\n */\n/** Append. Power cut: old or new. @return FOTA_OK */\nenum fota_err j_append(struct journal *j);\n"
    assert not list(problems("good.h", good)), list(problems("good.h", good))
    for planted in ("/** x */\n\nint no_comment(void);\n",
                    "/** x */\n\n/** Appends. */\nenum fota_err j_append(int j);\n",
                    "/** x */\n\n/** Appends. @return FOTA_OK */\nenum fota_err j_append(struct journal *j);\n",
                    "int a;\n"):
        assert list(problems("planted.h", planted)), f"not seen: {planted!r}"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    names = headers()
    includes = sorted({"-I" + str(ROOT / n.split("/include/", 1)[0] / "include") for n in names})
    generated = tempfile.TemporaryDirectory()  # board/board.h of the default board
    board = importlib.import_module("board")
    board.write_changed(Path(generated.name) / "board/board.h", board.header(board.load(ROOT / "boards", "f407-disco")))
    includes.append("-I" + generated.name)
    found = [p for n in names for p in problems(n, (ROOT / n).read_text())]
    for n in names:
        if "stm32f407" not in n:
            error = stands_alone(n, includes)
            if error:
                found.append(f"{n}: does not compile on its own:\n{error}")
    print("\n".join(found) or f"headers: {len(names)} public headers, every function documented, each compiles on its own")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
