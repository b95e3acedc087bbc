#!/usr/bin/env python3
"""Check that docs/guide/troubleshooting.md leads to every reason code.

Each code of base/err.h stands in the page once, with its number, a cause and something to do; no other code stands there; and each
section of codes is linked from a symptom, so that whoever begins with a symptom reaches every code.

Usage: check_reasons.py [--self-test]
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = "lib/base/include/base/err.h"
PAGE = "docs/guide/troubleshooting.md"
ENTRY = re.compile(r"^\* `(\w+)` \(([0-9A-F]{4})\): (.+?)\. Do: (.+?)[.?]?$")


def codes_of(header):
    return dict(re.findall(r"^\s*X\((\w+),\s+0x([0-9A-Fa-f]{4}),", header, re.M))


def sections_of(page):
    """Name and text of each section; an entry that was broken over lines is one line again."""
    joined = re.sub(r"\n  +(?=\S)", " ", page)
    parts = re.split(r"^## (.+)$", joined, flags=re.M)
    return list(zip(parts[1::2], parts[2::2]))


def anchor(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def problems(header, page):
    codes = codes_of(header)
    if not codes:
        yield f"{LIST}: no code found; did the list change its form?"
    sections = sections_of(page)
    symptoms = dict(sections).get("Symptoms", "")
    seen = {}
    for title, text in sections:
        if title == "Symptoms":
            continue
        if f"](#{anchor(title)})" not in symptoms:
            yield f"{PAGE}: no symptom leads to the section '{title}'; link it"
        for line in (line for line in text.splitlines() if line.startswith("* ")):
            entry = ENTRY.match(line)
            if not entry:
                yield f"{PAGE}: this line is not '* `CODE` (number): cause. Do: what.': {line[:60]}"
                continue
            name, number = entry.group(1), entry.group(2)
            if name in seen:
                yield f"{PAGE}: {name} stands there twice"
            seen[name] = number
            if codes.get(name, "").upper() != number:
                yield f"{PAGE}: {name} is {number}, {LIST} says {codes.get(name, 'that there is none')}"
    yield from (f"{PAGE}: {name} ({number}) is missing; say its cause and what to do" for name, number in codes.items()
                if name not in seen)


def self_test():
    header = '    X(E_A,   0x0001, "a")  \\\n    X(E_B,   0x01AB, "b")  \\\n'
    symptoms = "## Symptoms\n\n* Codes: [One](#one-and-two)\n\n"
    good = symptoms + "## One and two\n\n* `E_A` (0001): x. Do: y.\n* `E_B` (01AB): long\n  text. Do: z.\n"
    assert not list(problems(header, good)), list(problems(header, good))
    planted = {"code is missing": good.replace("* `E_B` (01AB): long\n  text. Do: z.\n", ""),
               "number is wrong": good.replace("01AB", "01AC"),
               "code is unknown": good + "* `E_C` (0002): x. Do: y.\n",
               "code is there twice": good + "* `E_A` (0001): x. Do: y.\n",
               "nothing to do": good.replace("Do: z.", ""),
               "no symptom": good.replace("(#one-and-two)", "(#two)")}
    for what, page in planted.items():
        assert list(problems(header, page)), f"not seen: {what}"
    assert list(problems("", good)), "not seen: an empty list"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    header, page = (ROOT / LIST).read_text(), (ROOT / PAGE).read_text()
    found = list(problems(header, page))
    print("\n".join(found) if found else f"reason codes: {len(codes_of(header))}, each with cause and remedy, each reached from a symptom")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
