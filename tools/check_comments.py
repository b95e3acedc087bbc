#!/usr/bin/env python3
"""Check the words around the code: comments, and the layout of documents.

* A banner (`/* --- part ---- */`) is one line, and the `*/` of a comment of one line stands in it.
* In a header each contract word (Takes:, Power cut:, @param, @return) begins a line.
* A folder or file that a comment names exists in the tree.
* A line of Markdown has at most 160 characters, rows of tables too, unless it is in a block of code; marks of figures do not count.
* docs/GLOSSARY.md has at most 40 terms, and the words it replaced do not come back. ALLOWED says where one of them is meant as it is.
* The firmware explains itself: its share of comment lines stays above SHARE_MIN.

Usage: check_comments.py [--self-test | --share]
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKDOWN_MAX = 160
TERMS_MAX = 40
FIRMWARE = ("bootloader/", "loader/", "agent/", "lib/", "port/stm32f407/", "app/")
SHARE_MIN = 0.25
CONTRACT = re.compile(r"(?<![\w`])(?:Takes:|Power cut:|@return\b|@param\b)")
BANNER = re.compile(r"\s*/\*\*? --- ")
BANNER_WHOLE = re.compile(r"\s*/\* --- \S.* -{3,} \*/$")
# A path in a comment: folders with a slash after each, or a file with an ending that files of the tree have.
PATH = re.compile(r"(?<![\w./<-])((?:[a-z][\w-]*/)+(?:[\w-]+\.(?:c|h|md|py|sh|json|ld|S|cmake|tsv|html|svg))?)(?![\w/*<])")
FORBIDDEN = re.compile(r"\b(?:wish(?:es|ed)?|is_wish|vouch\w*|disown\w*|companion\w*|seal(?:s|ed|ing)?|behind)\b", re.I)
ALLOWED = (
    # place, not time or order: a thing stands in front of another
    r"\bis behind\b",
    r"behind (?:a|the|PWR_CR\.|each|them|that|one|its)?\s*(?:port/|lib/|twin/|seam|header|core's|compiler's|DBP|BOOT0|breaker|304|pump"
    r"|byte-accurate|behaves|write[- ]protection)", r"\"behind\"", r"_behind_(?:write_protection|the_core)|behind_torn",
    # said by others, or of the words themselves
    r"option-byte wishes", r"`(?:wish|vouch|disown|companion|seal|behind)`",
)
ALLOWED_RE = re.compile("|".join(ALLOWED), re.I)
# Where AN4286 is spoken, 79 and 1F are answers; a verdict is what a signature check says.
LINK_PLACES = ("lib/link/", "host/link_client/", "tests/clients/", "tests/unit/link/", "tests/unit/dev/", "twin/dev/", "docs/spec/link.md")


def git_files(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, check=True, text=True,
                         capture_output=True).stdout.split()
    return sorted({f for f in out if (ROOT / f).exists()})


def comments(text):
    """(number of its first line, text) of every block comment."""
    for match in re.finditer(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|/\*.*?\*/|//[^\n]*", text, re.S):
        if match.group().startswith("/"):
            yield text.count("\n", 0, match.start()) + 1, match.group()


def layout_problems(name, text):
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if BANNER.match(line) and not BANNER_WHOLE.match(line):
            yield f"{name}:{number}: a broken banner: write `/* --- part --- */` in one line"
        before = lines[number - 2] if number > 1 else ""
        if line.strip() == "*/" and re.match(r"\s*/\*\*? \S", before):
            yield f"{name}:{number}: `*/` stands alone: it belongs to the line before"
        if re.match(r"\s*\* -{3,}", line):
            yield f"{name}:{number}: dashes of a banner stand alone"


def contract_problems(name, text):
    for first, comment in comments(text):
        for number, line in enumerate(comment.split("\n"), first):
            for match in CONTRACT.finditer(line):
                if re.sub(r"[\s/*]", "", line[:match.start()]):
                    yield f"{name}:{number}: `{match.group()}` begins a line of its own"


def path_problems(name, text, tops, names):
    """`names` has every file and folder of the tree; a path may start at the root, here, or below an include folder."""
    here = name.rsplit("/", 1)[0] + "/" if "/" in name else ""
    for first, comment in comments(text):
        for match in PATH.finditer(comment):
            path = match.group(1)
            is_ours = path.split("/", 1)[0] in tops or ("." in path and not path.startswith("build/"))
            known = path in names or here + path in names or any(n.endswith("/" + path) for n in names)
            if is_ours and not known:
                number = first + comment.count("\n", 0, match.start())
                yield f"{name}:{number}: {path} is not in the tree"


def markdown_problems(name, text):
    is_code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        if len(re.sub(r"<!--.*?-->", "", line)) > MARKDOWN_MAX and not is_code:
            yield f"{name}:{number}: {len(line)} characters, at most {MARKDOWN_MAX}: wrap it"


def word_problems(name, text):
    for number, line in enumerate(text.split("\n"), 1):
        for match in FORBIDDEN.finditer(ALLOWED_RE.sub(lambda m: " " * len(m.group()), line)):
            yield f"{name}:{number}: `{match.group()}`: see docs/GLOSSARY.md for the word to use (time and order: after)"
        if name.startswith(LINK_PLACES) and "verdict" in line.lower():
            yield f"{name}:{number}: `verdict`: the byte 79 or 1F is an answer (docs/GLOSSARY.md)"


def glossary_problems(text):
    terms = re.findall(r"^\| \*\*(.+?)\*\* \|", text, re.M)
    if not 0 < len(terms) <= TERMS_MAX:
        yield f"docs/GLOSSARY.md: {len(terms)} terms, at most {TERMS_MAX}: merge or drop one"
    yield from (f"docs/GLOSSARY.md: {t} stands twice" for t in sorted(set(terms)) if terms.count(t) > 1)


def comment_lines(text):
    """(lines that a comment touches, all lines)."""
    touched = {number for first, comment in comments(text) for number in range(first, first + comment.count("\n") + 1)}
    return len(touched), text.count("\n")


def share_of(texts):
    counts = [comment_lines(t) for t in texts]
    return sum(c for c, _ in counts) / max(1, sum(n for _, n in counts))


def self_test():
    def seen(found, what):
        assert list(found), f"not seen: {what!r}"

    for planted in ("/* --- part\n * ------- */\n", "/* --- part -----\n */\n", "/** One line that fell.\n */\n"):
        seen(layout_problems("x.c", planted), planted)
    for good in ("/* --- part ---------- */\n", "/** Fits. */\n", "/**\n * Long.\n */\n"):
        assert not list(layout_problems("x.c", good)), good
    for planted in ("/** Get. @return 0 */", "/**\n * Takes: 1 ms. Power cut: old.\n */", "/** @param a  x; @param b  y */"):
        seen(contract_problems("x.h", planted), planted)
    assert not list(contract_problems("x.h", "/**\n * Get.\n * Takes: 1 ms\n * @return 0\n */"))
    tree = {"lib/base/crc.h", "lib/base", "lib", "port/fake", "lib/base/", "lib/"}
    for planted in ("/* see lib/gone/ */", "/* see base/gone.h */", "// lib/base/crc.c"):
        seen(path_problems("lib/x.c", planted, {"lib", "port"}, tree), planted)
    for good in ("/* see lib/base/ and base/crc.h */", '"lib/gone/"', "/* and/or */"):
        assert not list(path_problems("lib/x.c", good, {"lib", "port"}, tree)), good
    seen(markdown_problems("x.md", "a " * 90), "a long line")
    assert not list(markdown_problems("x.md", "| 1<!--" + "a" * 160 + "-->\n```\n" + "a " * 90 + "\n```"))
    assert list(markdown_problems("x.md", "| " + "a " * 90))
    for planted in ("the bytes behind it", "a wish of the host", "the record is sealed", "it vouches", "its companion"):
        seen(word_problems("x.md", planted), planted)
    seen(word_problems("tests/clients/x.c", "static int verdict(void);"), "a verdict of the link")
    assert not list(word_problems("lib/crypto/x.h", "enum crypto_verdict v;"))
    for good in ("what is behind a word", "any flash behind port/flash.h", "sealant"):
        assert not list(word_problems("x.md", good)), good
    seen(glossary_problems("| **a** | x |\n" * 2), "a term that stands twice")
    seen(glossary_problems("\n".join(f"| **t{i}** | x |" for i in range(TERMS_MAX + 1))), "41 terms")
    assert comment_lines("/* a\n * b */\nint c; /* d */\n\nint e;\n") == (3, 5)


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    sources = {n: (ROOT / n).read_text() for n in git_files("*.c", "*.h")}
    pages = {n: (ROOT / n).read_text() for n in git_files("*.md")}
    names = set(git_files())
    folders = {n[:i] for n in names for i in range(len(n)) if n[i] == "/"}
    names |= folders | {f + "/" for f in folders}
    tops = {f for f in folders if "/" not in f} - {"build"}
    share = share_of(t for n, t in sources.items() if n.startswith(FIRMWARE))
    if sys.argv[1:] == ["--share"]:
        for n, t in sources.items():
            if n.startswith(FIRMWARE):
                print("%5.1f %% %4d of %4d  %s" % (100 * comment_lines(t)[0] / comment_lines(t)[1], *comment_lines(t), n))
        print(f"{100 * share:.1f} %")
        return 0
    found = []
    for name, text in sources.items():
        found += [*layout_problems(name, text), *path_problems(name, text, tops, names), *word_problems(name, text)]
        found += contract_problems(name, text) if name.endswith(".h") else []
    for name, text in pages.items():
        found += [*markdown_problems(name, text), *(word_problems(name, text) if name != "docs/GLOSSARY.md" else ())]
    found += glossary_problems(pages.get("docs/GLOSSARY.md", ""))
    if share < SHARE_MIN:
        found.append(f"firmware: {100 * share:.1f} % of its lines have a comment, {100 * SHARE_MIN:.0f} % at least: say why")
    print("\n".join(found) or f"comments: {len(sources)} sources, {len(pages)} pages; {100 * share:.1f} % comment lines in the firmware")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
