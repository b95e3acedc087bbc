#!/usr/bin/env python3
"""Draw what a command printed as a picture of a terminal (SVG), for the README.

Usage: make -s demo | tools/terminal_svg.py "make demo" > docs/demo.svg
"""
import re
import sys
from html import escape

CHAR_W, LINE_H, MARGIN, TITLE_H = 7.8, 17, 16, 30
COLOURS = [(re.compile(r"^(demo: |S3|==)"), "#e6edf3"), (re.compile(r"confirmed|verified|ok\b"), "#7ee787"),
           (re.compile(r"rejected|refused|rolled back|never"), "#ffa657"), (re.compile(r"^\s*\$"), "#79c0ff")]


def colour(line):
    for pattern, value in reversed(COLOURS):
        if pattern.search(line):
            return value
    return "#c9d1d9"


def draw(title, lines):
    width = int(max([len(line) for line in lines] + [60]) * CHAR_W + 2 * MARGIN)
    height = TITLE_H + len(lines) * LINE_H + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           f'role="img" aria-label="{escape(title)}">',
           f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
           f'<text x="{MARGIN}" y="21" font-family="monospace" font-size="13" fill="#8b949e">$ {escape(title)}</text>',
           '<g font-family="ui-monospace,Menlo,Consolas,monospace" font-size="13" xml:space="preserve">']
    for i, line in enumerate(lines):
        y = TITLE_H + MARGIN + i * LINE_H
        out.append(f'<text x="{MARGIN}" y="{y}" fill="{colour(line)}">{escape(line)}</text>')
    return "\n".join(out + ["</g>", "</svg>"])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", raw).rstrip() for raw in sys.stdin.read().splitlines()]
    print(draw(sys.argv[1], lines))


if __name__ == "__main__":
    main()
