#!/usr/bin/env python3
"""Check the figures that the documents quote.

A figure of `make bench` stands in a document as `1.028<!--bench:agent_384k_ratio-->`; the comment names its key in
build/bench.json, `/1e6` behind the key divides it, and a dash stands for a figure that is not measured yet. Every such key must be
one that bench/ measures, docs/PERFORMANCE.md must quote all of KEYS, and if build/bench.json is newer than the firmware, every
quoted number must be its number, to the decimals quoted, give or take one in the last decimal. Each build has keys of its own,
and a signature takes a little more or less time by its digits: what depends on that (VARIES) may differ by 5 %. Figures of the
machine itself (WALL) are not compared.

Usage: check_bench.py [--update | --self-test]     --update: write the numbers of build/bench.json into the documents
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/PERFORMANCE.md"
BENCH = ROOT / "build" / "bench.json"
FIRMWARE = ROOT / "build" / "f407" / "bootloader" / "bootloader.elf"

KEYS = """agent_384k_ratio agent_100k_ratio bootloader_384k_ratio an4286_384k_ratio rom_384k_s spi_hz missed_ticks worst_jitter_us
downtime_ms boot_200k_instructions boot_hash_instructions boot_signature_instructions boot_stack_bytes bootloader_bytes twin_mips
twin_cuts_per_s ber_1e4_ok ber_1e5_ok ber_1e6_ok fuzz_frames""".split()
WALL = {"twin_mips", "twin_cuts_per_s"}
VARIES = re.compile(r"_instructions$|^idle_|^downtime_ms$|^worst_jitter_us$")
QUOTE = re.compile(r"([0-9][0-9.,]*|–)<!--bench:(\w+)(?:/([0-9e]+))?-->")
NEAR_MISS = re.compile(r"<!--\s*bench:[^>]*-->")


def shown(value, scale, like):
    """`value` as it would be quoted: with the decimals of `like`, thousands apart."""
    decimals = len(like.split(".")[1]) if "." in like else 0
    return f"{value / float(scale or 1):,.{decimals}f}"


def is_near(key, number, wanted):
    if key in WALL or number == wanted:
        return True
    if number == "–":
        return False
    n_decimals = len(number.split(".")[1]) if "." in number else 0
    value = float(wanted.replace(",", ""))
    allowed = max(1.01 * 10 ** -n_decimals if n_decimals else 0, 0.05 * value if VARIES.search(key) else 0)
    return abs(float(number.replace(",", "")) - value) <= allowed


def faults(texts, sources, figures):
    """texts: {document: text}; sources: text of bench/; figures: {key: number} or None. Yield one sentence per fault."""
    for path, text in sorted(texts.items()):
        quotes = list(QUOTE.finditer(text))
        if len(quotes) != len(NEAR_MISS.findall(text)):
            yield f"{path}: a <!--bench:...--> without a number in front of it"
        for number, key, scale in (m.groups() for m in quotes):
            if figures is not None and key in figures:
                wanted = shown(figures[key], scale, number)
                if not is_near(key, number, wanted):
                    yield f"{path}: {key} is {wanted}, the page says {number}: run tools/check_bench.py --update"
            elif number != "–" and not re.search(rf'"{key}"', sources) and not key.startswith(("crypto_", "idle_")):
                yield f"{path}: nothing in bench/ measures {key}"
    quoted = {m.group(2) for m in QUOTE.finditer(texts.get(PAGE, ""))}
    for key in KEYS:
        if key not in quoted:
            yield f"{PAGE}: {key} is not quoted"


def update(text, figures):
    def number(m):
        key = m.group(2)
        if key not in figures:
            return m.group(0)
        like = m.group(1)
        if like == "–":
            like = "0" if float(figures[key]).is_integer() else "0.0"
        return m.group(0).replace(m.group(1), shown(figures[key], m.group(3), like), 1)
    return QUOTE.sub(number, text)


def self_test():
    page = {PAGE: "".join(f"1<!--bench:{k}--> " for k in KEYS)}
    source = "".join(f'"{k}"' for k in KEYS)
    assert not list(faults(page, source, None)), "a good page was refused"
    assert not list(faults(page, source, dict.fromkeys(KEYS, 1))), "right figures were refused"
    assert len(list(faults(page, source, {"spi_hz": 2}))) == 1, "a wrong figure was not seen"
    assert is_near("boot_200k_instructions", "100", "104") and not is_near("boot_200k_instructions", "100", "110")
    assert is_near("rom_384k_s", "19.8", "19.7") and not is_near("rom_384k_s", "19.8", "19.6")
    assert len(list(faults({PAGE: page[PAGE].replace("fuzz_frames", "spi_hz")}, source, None))) == 1, "a key is missing, not seen"
    assert len(list(faults(page, source.replace('"spi_hz"', ""), None))) == 1, "a key that nobody measures was not seen"
    assert len(list(faults({**page, "a.md": "x<!--bench:spi_hz-->"}, source, None))) == 1, "a comment without number was not seen"
    text = "1.00<!--bench:a--> 9<!--bench:b/1e3--> –<!--bench:c-->"
    assert update(text, {"a": 1.234, "b": 8123000, "c": 5}) == "1.23<!--bench:a--> 8,123<!--bench:b/1e3--> 5<!--bench:c-->"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.split()
    texts = {n: (ROOT / n).read_text() for n in names if (ROOT / n).exists()}
    figures = json.loads(BENCH.read_text()) if BENCH.exists() else None
    if sys.argv[1:] == ["--update"]:
        if figures is None:
            print("check_bench: there is no build/bench.json; run `make bench` first", file=sys.stderr)
            return 1
        for name, text in texts.items():
            if update(text, figures) != text:
                (ROOT / name).write_text(update(text, figures))
                print(f"figures: {name} updated")
        return 0
    if figures is not None and (not FIRMWARE.exists() or FIRMWARE.stat().st_mtime > BENCH.stat().st_mtime):
        figures = None  # of another firmware
    sources = "".join(p.read_text() for p in sorted((ROOT / "bench").glob("*.c")))
    found = list(faults(texts, sources, figures))
    compared = "not compared: no bench run of this firmware" if figures is None else "as measured"
    print("\n".join(found) or f"figures: {sum(len(QUOTE.findall(t)) for t in texts.values())} quoted, {compared}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
