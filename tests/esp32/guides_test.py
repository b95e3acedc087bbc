#!/usr/bin/env python3
"""What the pages say of the ESP32 gateway is what its sources do.

* The pins in the tables of README.md, host/esp32/README.md, docs/guide/wiring.md and docs/guide/bring-up.md, and in the pictures, are the
  defaults of host/esp32/src/idf_pins.c.
* The words of a log line that docs/guide/arduino.md quotes stand in a log line of the sources, and each error line has a row there.
* The partition table that docs/guide/esp-idf.md shows is that of host/esp32/partitions_4mb.csv.

Usage: guides_test.py [--self-test]
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SIGNALS = {"sck": "SCK", "miso": "MISO", "mosi": "MOSI", "nss": "NSS", "nrst": "NRST", "boot0": "BOOT0"}
TARGET = {"SCK": "PA5", "MISO": "PA6", "MOSI": "PA7", "NSS": "PA4", "NRST": "NRST", "BOOT0": "BOOT0"}
MESSAGES = "## What the gateway says when something is wrong"
LITERAL = r'"((?:[^"\\]|\\.)*)"'


def pins_of(source, chip):
    found = re.search(rf'\.name = "{chip}".*?\.pins = \{{(.*?)\}}', source, re.S).group(1)
    return {SIGNALS[name]: int(pin) for name, pin in re.findall(r"\.(\w+) = (\d+)", found)}


def pin_problems(page, text, pins, column):
    """Rows in which the target's pin of a signal is a cell: the ESP32's pin is in `column` of them."""
    n_rows = 0
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for signal, pin in pins.items():
            if line.startswith("|") and len(cells) > 3 and TARGET[signal] in cells[1:] and re.fullmatch(r"(GPIO)?\d+", cells[column]):
                n_rows += 1
                if cells[column].removeprefix("GPIO") != str(pin):
                    yield f"{page}: {signal} is on {cells[column]}, the source has {pin}"
    if n_rows != len(pins):
        yield f"{page}: {n_rows} of {len(pins)} signals have a row"


def picture_problems(page, text, pins):
    """In the pictures the ESP32's pin stands before the target's."""
    shown = re.findall(r">(GPIO\d+)</text>\s*<text[^>]*>(\w+)</text>", text)
    wanted = {(f"GPIO{pin}", TARGET[signal]) for signal, pin in pins.items()}
    if set(shown) != wanted:
        yield f"{page}: shows {sorted(set(shown) ^ wanted)} otherwise than the source"


def calls(source, function):
    """The arguments of each call, as one text."""
    for match in re.finditer(rf"\b{function}\(", source):
        depth, at = 1, match.end()
        for token in re.finditer(rf"{LITERAL}|'.'|[()]", source[match.end():]):
            depth += {"(": 1, ")": -1}.get(token.group(), 0)
            if depth == 0:
                at = match.end() + token.start()
                break
        yield source[match.end():at]


def log_lines(source):
    """(level, text) of each idf_log call; a number that is printed is '%'."""
    for arguments in calls(source, "idf_log"):
        head, quote, rest = arguments.partition('"')
        pieces = re.match(rf"(?:{LITERAL}|PRI\w+|\s)+", quote + rest)
        if pieces:
            level = "E" if "'E'" in head else "W" if "'W'" in head else "I"
            yield level, "".join(re.findall(LITERAL, pieces.group())).replace('\\"', '"')


def rows_of(page):
    table = page.split(MESSAGES, 1)[1]
    return [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in table.splitlines() if line.startswith("| `")]


def message_problems(page, sources):
    lines = [line for source in sources for line in log_lines(source)]
    words = [quoted for row in rows_of(page) for quoted in row]
    # Words may also stand in a text that is printed as %s.
    texts = [text for _, text in lines] + ["".join(re.findall(LITERAL, run.group())).replace('\\"', '"') for source in sources
                                           for run in re.finditer(rf"(?:{LITERAL}\s*)+", source)]
    yield from (f"docs/guide/arduino.md: no log line has the words '{w}'" for w in words if not any(w in text for text in texts))
    yield from (f"docs/guide/arduino.md: the error line '{text}' has no row" for level, text in lines
                if level == "E" and not any(w in text for w in words))


def main():
    pins_source = (ROOT / "host/esp32/src/idf_pins.c").read_text()
    esp32, c3 = pins_of(pins_source, "ESP32"), pins_of(pins_source, "ESP32-C3")
    problems = []
    for page, column in (("README.md", 1), ("docs/guide/wiring.md", 1), ("docs/guide/bring-up.md", 1), ("host/esp32/README.md", 0)):
        problems += pin_problems(page, (ROOT / page).read_text(), esp32, column)
    for page, column in (("docs/guide/wiring.md", 2), ("host/esp32/README.md", 1)):
        problems += pin_problems(page, (ROOT / page).read_text(), c3, column)
    for page in ("docs/guide/wiring.svg", "docs/guide/wiring-esp32.svg"):
        problems += picture_problems(page, (ROOT / page).read_text(), esp32)
    sources = [p.read_text() for p in sorted((ROOT / "host/esp32/src").glob("*.c"))]
    problems += message_problems((ROOT / "docs/guide/arduino.md").read_text(), sources)
    table = [re.sub(r"\s", "", line) for line in (ROOT / "host/esp32/partitions_4mb.csv").read_text().splitlines() if not line.startswith("#")]
    shown = re.sub(r"[ \t]", "", (ROOT / "docs/guide/esp-idf.md").read_text())
    problems += [f"docs/guide/esp-idf.md: the partition table lacks {line}" for line in table if "coredump" not in line and line not in shown]
    print("\n".join(problems) or f"ok   pins, pictures, {len(rows_of((ROOT / 'docs/guide/arduino.md').read_text()))} rows of messages, partition table")
    return 1 if problems else 0


def self_test():
    pins = {"SCK": 18}
    assert not list(pin_problems("p", "| SCK | GPIO18 | PA5 | |\n", pins, 1))
    for bad in ("| SCK | 19 | PA5 | |\n", ""):
        assert list(pin_problems("p", bad, pins, 1)), bad
    svg = '<text>GPIO18</text>\n  <text x="1">PA5</text>'
    assert not list(picture_problems("p", svg, pins))
    assert list(picture_problems("p", svg.replace("18", "17"), pins))
    source = "idf_log(log, 'E', \"GPIO %d (it is \" PRIx32 \"gone; so)\",\n f(pin)); idf_log(log, x ? 'I' : 'W', \"hello there\", a);"
    page = MESSAGES + "\n| `gone; so` | a | b |\n"
    assert list(log_lines(source)) == [("E", "GPIO %d (it is gone; so)"), ("W", "hello there")], list(log_lines(source))
    assert list(message_problems(page.replace("gone; so", "never said"), [source]))
    assert list(message_problems(page.replace("gone; so", "hello there"), [source])), "an error line without a row is not seen"
    assert not list(message_problems(page, [source]))
    print("ok   planted faults are seen")


if __name__ == "__main__":
    self_test()
    sys.exit(0 if sys.argv[1:] == ["--self-test"] else main())
