#!/usr/bin/env python3
"""Make a C file of the files of the local page.

Usage: embed.py FOLDER OUT.c

Prints nothing. Fails if the files together are larger than LIMIT, or if one has a kind that is not known.
"""
import hashlib
import sys
from pathlib import Path

LIMIT = 40_000
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}


def c_bytes(data):
    return "\n".join("    " + " ".join(f"{b}," for b in data[i:i + 32]) for i in range(0, len(data), 32))


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    files = sorted(p for p in folder.iterdir() if p.is_file())
    unknown = [p.name for p in files if p.suffix not in TYPES]
    if unknown:
        sys.exit(f"embed.py: {', '.join(unknown)}: no Content-Type is known for this ending; add it to TYPES")
    total = sum(p.stat().st_size for p in files)
    if total > LIMIT:
        sys.exit(f"embed.py: the page has {total} bytes, {LIMIT} are allowed; make it smaller")
    arrays, rows = [], []
    for number, path in enumerate(files):
        data = path.read_bytes()
        url = "/" if path.name == "index.html" else "/" + path.name
        etag = hashlib.sha256(data).hexdigest()[:16]
        arrays.append(f"static const uint8_t file_{number}[] = {{\n{c_bytes(data)}\n}};")
        rows.append(f'    {{"{url}", "{TYPES[path.suffix]}", "\\"{etag}\\"", file_{number}, sizeof file_{number}}},')
    text = "\n".join(['/* Made by host/page/embed.py. */', '#include "page/page_files.h"', "", *arrays, "",
                      "const struct page_file page_files[] = {", *rows, "};",
                      "const size_t page_n_files = sizeof page_files / sizeof page_files[0];", ""])
    if not out.exists() or out.read_text() != text:
        out.write_text(text)


if __name__ == "__main__":
    main()
