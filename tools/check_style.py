#!/usr/bin/env python3
"""Check the few habits of C that the compiler and clang-format leave open, so that all files read alike.

A pointer is tested as `p` or `!p`, never against NULL. A table of operations (struct *_ops) is called `ops` or `NAME_ops`, in
small letters, and names each field that it sets. `/**` opens a contract in a header; a comment in a .c file opens with `/*`.

Usage: check_style.py [--self-test | --fix]     --fix rewrites tests against NULL and the comments
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The left side of a comparison: a name with what is selected from it, a call, or an assignment in brackets.
BRACKETS = r"\((?:[^()]|\([^()]*\))*\)"
OPERAND = rf"(?:[*&]?\w[\w.>\[\]\-]*(?:{BRACKETS})?(?:(?:->|\.)\w+|\[[^\[\]]*\])*|{BRACKETS})"
AGAINST_NULL = re.compile(rf"({OPERAND})\s+(==|!=)\s+NULL\b")
TABLE = re.compile(r"\bstruct \w*_ops (\w+)(?:\[\w*\])? = (\{\s*\S)")
# Words in comments and strings are no code.
NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"', re.S)


def blank(text):
    """The text with comments and strings blanked out, every character in its place."""
    return NO_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def problems(name, text):
    code = blank(text)

    def line(at):
        return f"{name}:{text.count(chr(10), 0, at) + 1}"

    for m in re.finditer(r"[=!]= NULL\b", code):
        yield f"{line(m.start())}: a pointer is compared with NULL: say `p` or `!p`"
    for m in TABLE.finditer(code):
        if not re.fullmatch(r"(?:\w+_)?ops", m.group(1)) or m.group(1) != m.group(1).lower():
            yield f"{line(m.start())}: the table of operations {m.group(1)} is not called `ops` or `NAME_ops`"
        if not m.group(2).endswith((".", "}", "0", "{")):
            yield f"{line(m.start())}: the table {m.group(1)} does not name its fields: .field = function"
    if name.endswith(".c"):
        for m in re.finditer(r"/\*\*(?![*/])", text):
            yield f"{line(m.start())}: `/**` is for contracts in headers: open this comment with `/*`"


def fixed(name, text):
    code = blank(text)
    out, last = [], 0
    for m in AGAINST_NULL.finditer(code):
        operand = text[m.start(1):m.end(1)]
        out += [text[last:m.start()], operand if m.group(2) == "!=" else "!" + operand]
        last = m.end()
    text = "".join(out) + text[last:]
    return re.sub(r"/\*\*(?![*/])", "/*", text) if name.endswith(".c") else text


def files():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.split()
    return [n for n in names if (ROOT / n).exists()]


def self_test():
    good = "/* x == NULL */\nstatic const struct io_ops spi_ops = {.read = read};\nbool f(char *p)\n{\n    return !p || g(\"== NULL\");\n}\n"
    assert not list(problems("good.c", good)), list(problems("good.c", good))
    assert not list(problems("good.h", "/** A contract. */\nint f(void);\n"))
    for planted in ("int f(char *p) { return p == NULL; }\n", "int f(char *p) { return g(p) != NULL; }\n",
                    "static const struct io_ops SPI_OPS = {.read = read};\n", "static const struct io_ops port = {.read = read};\n",
                    "static const struct io_ops ops = {read, write};\n", "/** Text. */\nint x;\n"):
        assert list(problems("planted.c", planted)), planted
    assert fixed("a.c", "if (a->b[i].c == NULL && f(x, g(y)) != NULL) {") == "if (!a->b[i].c && f(x, g(y))) {"
    assert fixed("a.c", "/** A comment: p == NULL. */") == "/* A comment: p == NULL. */"


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        self_test()
    elif "--fix" in sys.argv:
        for n in files():
            old = (ROOT / n).read_text()
            new = fixed(n, old)
            if new != old:
                (ROOT / n).write_text(new)
    else:
        names = files()
        found = [p for n in names for p in problems(n, (ROOT / n).read_text())]
        print("\n".join(found) or f"style: {len(names)} files, one way to say each thing")
        sys.exit(1 if found or not names else 0)
