#!/usr/bin/env python3
"""Check the figures that the documents quote.

A figure of `make bench` stands in a document as `1.028<!--bench:agent_384k_ratio-->`, one of `make cuts` as
`30<!--cuts:mutants-->`, one of `make gateway-soak` and `make gateway-fuzz` as `400<!--gateway:kill_ok-->`, one of `make esp32-soak` as
`400<!--esp32:esp32_end_ok-->`; the comment names its key in build/bench.json, build/cuts.json, build/gateway.json and build/gateway-fuzz.json, or build/esp32.json, `/1e6` after the key divides it, and a dash stands for a figure that is not measured yet. Every such key must be one that is measured, a page must quote all of its KEYS,
and if the file of figures is newer than the firmware, every quoted number must be its number, to the decimals quoted, give or take
one in the last decimal. Each build has keys of its own, and what depends on the digits of a signature (VARIES) may differ by 5 %.
Figures of the machine itself (WALL) are not compared.

Usage: check_figures.py [--update | --self-test]     --update: write the numbers of build/*.json into the documents
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "build" / "f407" / "bootloader" / "bootloader.elf"
PAGES = {"bench": "docs/PERFORMANCE.md", "cuts": "docs/POWERCUT.md", "gateway": "tests/soak/README.md", "esp32": "tests/esp32/README.md"}
FILES = {"bench": ["bench"], "cuts": ["cuts"], "gateway": ["gateway", "gateway-fuzz"], "esp32": ["esp32"]}

KEYS = {
    "bench": """agent_384k_ratio agent_100k_ratio bootloader_384k_ratio an4286_384k_ratio rom_384k_s spi_hz missed_ticks
worst_jitter_us downtime_ms boot_200k_instructions boot_hash_instructions boot_signature_instructions boot_stack_bytes
root_bytes loader_bytes echo_gap_us twin_mips twin_cuts_per_s ber_1e4_ok ber_1e5_ok ber_1e6_ok fuzz_frames""".split(),
    "cuts": """fixpoint4_states fixpoint4_violations fixpoint6_states fixpoint6_violations single_sessions single_bricks
nested_sessions nested_bricks elf_cuts elf_bricks mutants mutants_caught skip_runs skip_bad_boots brownout_erases_per_sector_day
normal_boot_flash_writes journal_branches_percent slots_branches_percent seconds""".split(),
    "gateway": """updates_ok updates_corrupt updates_refused bytes_ratio_clean bytes_ratio_5xx bytes_ratio_cut3000 bytes_ratio_cut4096
kill_ok kill_memory_ok torn_writes torn_not_ok refetched_bytes_max quiet_polls quiet_poll_requests quiet_poll_body_bytes
poisoned_not_healed twin_updates_ok twin_updates_wrong proxy_rows proxy_rows_not_ok longest_request_s cpu_s
gateway_fuzz_executions""".split(),
    "esp32": """esp32_updates_ok esp32_updates_corrupt esp32_updates_refused esp32_bytes_ratio_clean esp32_bytes_ratio_5xx
esp32_bytes_ratio_cut3000 esp32_bytes_ratio_wifi4096 esp32_bytes_ratio_noise esp32_end_ok esp32_torn_writes esp32_torn_not_ok
esp32_refetched_bytes_max esp32_384k_s esp32_fetch_384k_s esp32_fetch_384k_slow_s esp32_twin_updates esp32_twin_updates_not_ok
esp32_wrong_uses esp32_static_ram_bytes esp32_stack_bytes esp32_task_stack_here_bytes esp32_cpu_s""".split(),
}
VERBS = {"gateway": "gateway-soak", "esp32": "esp32-soak"}
WALL = {"twin_mips", "twin_cuts_per_s", "seconds", "longest_request_s", "cpu_s", "esp32_cpu_s", "esp32_task_stack_here_bytes"}
VARIES = re.compile(r"_instructions$|^idle_|^downtime_ms$|^worst_jitter_us$|_sessions$|^elf_\w*(cuts|nested)$|^skip_runs$")
QUOTE = re.compile(r"([0-9][0-9.,]*|–)<!--(bench|cuts|gateway|esp32):(\w+)(?:/([0-9e]+))?-->")
NEAR_MISS = re.compile(r"<!--\s*(?:bench|cuts|gateway|esp32):[^>]*-->")


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
    varies = bool(VARIES.search(key))
    allowed = max(1.01 * 10 ** -n_decimals if n_decimals or varies else 0, 0.05 * value if varies else 0)
    return abs(float(number.replace(",", "")) - value) <= allowed


def is_measured(kind, key, sources):
    return bool(re.search(rf'"{key}"', sources[kind])) or key.startswith(("crypto_", "idle_"))


def faults(texts, sources, figures):
    """texts: {document: text}; sources: {kind: text of what measures}; figures: {kind: {key: number} or None}. Yield one
    sentence per fault."""
    for path, text in sorted(texts.items()):
        quotes = list(QUOTE.finditer(text))
        if len(quotes) != len(NEAR_MISS.findall(text)):
            yield f"{path}: a <!--bench:...-->, <!--cuts:...-->, <!--gateway:...--> or <!--esp32:...--> without a number in front of it"
        for number, kind, key, scale in (m.groups() for m in quotes):
            known = figures[kind] or {}
            if key in known:
                wanted = shown(known[key], scale, number)
                if not is_near(key, number, wanted):
                    yield f"{path}: {key} is {wanted}, the page says {number}: run tools/check_figures.py --update"
            elif number != "–" and not is_measured(kind, key, sources):
                yield f"{path}: make {VERBS.get(kind, kind)} does not measure {key}"
    for kind, page in PAGES.items():
        quoted = {m.group(3) for m in QUOTE.finditer(texts.get(page, "")) if m.group(2) == kind}
        for key in KEYS[kind]:
            if key not in quoted:
                yield f"{page}: {key} is not quoted"


def update(text, figures):
    def number(m):
        like, kind, key, scale = m.groups()
        if key not in (figures[kind] or {}):
            return m.group(0)
        value = figures[kind][key]
        if like == "–":
            like = "0" if float(value).is_integer() else "0.0"
        return m.group(0).replace(m.group(1), shown(value, scale, like), 1)
    return QUOTE.sub(number, text)


def self_test():
    page = {PAGES[kind]: "".join(f"1<!--{kind}:{k}--> " for k in KEYS[kind]) for kind in PAGES}
    source = {kind: "".join(f'"{k}"' for k in KEYS[kind]) for kind in PAGES}
    bench = PAGES["bench"]

    def n_faults(texts=page, sources=source, **figures):
        return len(list(faults(texts, sources, {**dict.fromkeys(PAGES), **figures})))
    assert n_faults() == 0, "a good page was refused"
    assert n_faults(bench=dict.fromkeys(KEYS["bench"], 1)) == 0, "right figures were refused"
    assert n_faults(bench={"spi_hz": 2}) == 1 and n_faults(gateway={"kill_ok": 399}) == 1 and n_faults(cuts={"mutants": 2}) == 1, "a wrong figure was not seen"
    assert is_near("boot_200k_instructions", "100", "104") and not is_near("boot_200k_instructions", "100", "110")
    assert is_near("idle_x_ms", "15", "16") and not is_near("mutants", "15", "16")
    assert is_near("rom_384k_s", "19.8", "19.7") and not is_near("rom_384k_s", "19.8", "19.6")
    assert n_faults({**page, bench: page[bench].replace("fuzz_frames", "spi_hz")}) == 1, "a missing key was not seen"
    assert n_faults(sources={**source, "bench": source["bench"].replace('"spi_hz"', "")}) == 1, "an unknown key was not seen"
    assert n_faults({**page, "a.md": "x<!--cuts:mutants-->"}) == 1, "a comment without number was not seen"
    text = "1.00<!--bench:a--> 9<!--bench:b/1e3--> –<!--cuts:c-->"
    figures = {"bench": {"a": 1.234, "b": 8123000}, "cuts": {"c": 5}}
    assert update(text, figures) == "1.23<!--bench:a--> 8,123<!--bench:b/1e3--> 5<!--cuts:c-->"


def read_figures(kind, is_any_age):
    """Of this firmware, or None."""
    figures = {}
    for path in (ROOT / "build" / f"{name}.json" for name in FILES[kind]):
        is_of_this = path.exists() and FIRMWARE.exists() and FIRMWARE.stat().st_mtime <= path.stat().st_mtime
        if path.exists() and (is_any_age or is_of_this):
            figures.update(json.loads(path.read_text()))
    return figures or None


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.split()
    texts = {n: (ROOT / n).read_text() for n in names if (ROOT / n).exists()}
    is_update = sys.argv[1:] == ["--update"]
    figures = {kind: read_figures(kind, is_update) for kind in PAGES}
    if is_update:
        if not any(figures.values()):
            print("check_figures: there is no build/*.json; run `make bench`, `make cuts`, `make gateway-soak` or `make esp32-soak` first", file=sys.stderr)
            return 1
        for name, text in texts.items():
            if update(text, figures) != text:
                (ROOT / name).write_text(update(text, figures))
                print(f"figures: {name} updated")
        return 0
    sources = {"bench": "".join(p.read_text() for p in sorted((ROOT / "bench").glob("*.c"))),
               "cuts": (ROOT / "tests/powercut/figures.py").read_text(),
               "gateway": "".join(p.read_text() for p in sorted((ROOT / "tests/soak").glob("*.c"))) +
               (ROOT / "tests/fuzz/gateway.sh").read_text(),
               "esp32": "".join(p.read_text() for p in sorted((ROOT / "tests/esp32/soak").glob("*.c")))}
    found = list(faults(texts, sources, figures))
    compared = ", ".join(f"{kind} {'as measured' if figures[kind] else 'not compared: no run of this firmware'}" for kind in PAGES)
    print("\n".join(found) or f"figures: {sum(len(QUOTE.findall(t)) for t in texts.values())} quoted; {compared}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
