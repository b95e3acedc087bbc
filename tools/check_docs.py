#!/usr/bin/env python3
"""Check that the documents tell the truth.

Links between documents resolve; every `make verb` and `fota verb` that a document shows exists; docs/spec/flash-map.md has the
numbers of base/flash_map.h; each file that a document names in backquotes exists; no registry host is named anywhere.

Usage: check_docs.py [--self-test]
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
MAKE = re.compile(r"(?:^|[`\s])make ([a-z][a-z-]*)\b(?=[`\s]|$)", re.M)
FOTA = re.compile(r"(?:^|[`\s/])fota ([a-z][a-z0-9-]*)\b", re.M)
FILE = re.compile(r"`((?:lib|port|bootloader|agent|app|host|cli|twin|tests|tools|docs|demo|cmake)/[\w./-]+)`")
REGISTRY = re.compile(r"https?://(?:deb|registry|security|proxy)\.[a-z.]+")


def git_files(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, check=True, text=True,
                         capture_output=True).stdout.split()
    return [f for f in out if (ROOT / f).exists()]


def code_spans(text):
    """Only what stands in code: fenced blocks and backquotes. Prose may say 'make sure'."""
    return "\n".join(re.findall(r"```.*?\n(.*?)```", text, re.S) + re.findall(r"`([^`\n]+)`", text))


def document_problems(name, text, verbs, commands, exists):
    for target in LINK.findall(text):
        if not target.startswith(("http://", "https://", "mailto:")) and not exists(Path(name).parent / target):
            yield f"{name}: link to {target} leads nowhere"
    code = code_spans(text)
    yield from (f"{name}: `make {v}` is no verb of the Makefile" for v in MAKE.findall(code) if v not in verbs)
    yield from (f"{name}: `fota {c}` is no command" for c in FOTA.findall(code) if c not in commands)
    yield from (f"{name}: `{f}` does not exist" for f in FILE.findall(text) if not exists(Path(f)))


def map_constants(text):
    found = {}
    for key, value in re.findall(r"^#define (\w+)\s+(0x[0-9A-Fa-f]+|\d+)$", text, re.M):
        found[key] = int(value, 0)
    return found


def map_problems(page, constants):
    """Every line `NAME` | `value` of the page's table must be the header's value, and each address constant must be there."""
    shown = {k: int(v, 0) for k, v in re.findall(r"`(\w+)`\s*\|\s*`?(0x[0-9A-Fa-f]+|\d+)`?", page)}
    for key, value in shown.items():
        if constants.get(key) != value:
            yield f"docs/spec/flash-map.md: {key} is {value:#x}, the header says {constants.get(key)}"
    for key in constants:
        if key.endswith("_BASE") and key not in shown:
            yield f"docs/spec/flash-map.md: {key} is missing"


def self_test():
    verbs, commands = {"demo"}, {"sign"}
    exists = lambda p: str(p) == "docs/a.md"  # noqa: E731
    assert not list(document_problems("docs/b.md", "[a](a.md) `make demo` `fota sign x`, make sure", verbs, commands, exists))
    for planted in ("[x](gone.md)", "`make dmeo`", "```\nfota sing\n```", "see `lib/gone.c`"):
        assert list(document_problems("docs/b.md", planted, verbs, commands, exists)), f"not seen: {planted}"
    assert list(map_problems("`FLASH_BOOT_BASE` | `0x08000001`", {"FLASH_BOOT_BASE": 0x08000000})), "wrong constant not seen"
    assert list(map_problems("", {"FLASH_BOOT_BASE": 0x08000000})), "missing constant not seen"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M)) | {"help"}
    commands = {name for verb in (ROOT / "cli").glob("cmd_*.c")
                for name in re.findall(r'^    \.name = "([a-z0-9-]+)"', verb.read_text(), re.M)} | {"help", "version"}
    found = []
    pages = git_files("*.md")
    included = {f.split("/include/", 1)[1] for f in git_files("*.h") if "/include/" in f}

    def exists(path):
        # A header may be named as it is included: `port/flash.h`.
        return (ROOT / path).exists() or str(path) in included

    for name in pages:
        found += document_problems(name, (ROOT / name).read_text(), verbs, commands, exists)
    page = ROOT / "docs/spec/flash-map.md"
    found += map_problems(page.read_text() if page.exists() else "",
                          map_constants((ROOT / "lib/base/include/base/flash_map.h").read_text()))
    for name in git_files():
        if REGISTRY.search((ROOT / name).read_text(errors="ignore")):
            found.append(f"{name}: names a package registry's host")
    print("\n".join(found) or f"documents: {len(pages)} pages, links, commands, files and the memory map hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
