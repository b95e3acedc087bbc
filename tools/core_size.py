#!/usr/bin/env python3
"""Size of the gateway's core on an ESP32-C3: code for rv32imc at -Os, and the RAM of its structs, against their budgets.

The core that the budget is for is the code of host/gateway and host/s3, with what reports need of it (s3_put). The code of
host/report, which a gateway may leave out, and of what the core stands on (host/link_client, the formats and other libraries) is
printed beside it; the RAM of all structs counts, with one struct s3 that polls and reports use in turn. All of it is compiled as
ESP-IDF does for size (-Os -msave-restore) and linked, and what the functions in ENTRIES do not reach is dropped. Hashes and P-256 come
from the platform there, and so does the C library: neither is counted.

Usage: core_size.py [BUILD_DIR]     figures go to BUILD_DIR/core_size.json [build/core]
       core_size.py --self-test
"""
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measured import ROOT, Fault, board_header, run

TOOLS = "riscv64-unknown-elf-"
FLAGS = ["-march=rv32imc", "-mabi=ilp32", "-Os", "-msave-restore", "-std=c11", "-ffunction-sections", "-fdata-sections", "-ffreestanding"]
CORE = ["host/gateway", "host/s3"]
FOLDERS = CORE + ["host/report", "host/link_client", "lib/format", "lib/base", "lib/link"]
ENTRIES = ["gateway_init", "gateway_step", "gateway_stop", "gateway_poll_now", "s3_init", "link_client_init", "report_init", "report_observe",
           "report_send", "report_save"]
CODE_MAX_BYTES = 24 * 1024
RAM_MAX_BYTES = 16 * 1024
# Of a C library only these two headers are needed, so none has to be installed.
HEADERS = {"assert.h": "#define static_assert _Static_assert\n", "string.h": """
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
void *memchr(const void *at, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strcspn(const char *s, const char *set);
char *strchr(const char *s, int c);
char *strstr(const char *s, const char *part);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
"""}
RAM_SOURCE = """
#include "report/report.h"
struct core { struct gateway gateway; struct s3 s3; struct link_client link; struct report report; };
extern struct core core;
struct core core;
"""


def includes():
    folders = sorted(ROOT.glob("lib/*/include")) + sorted(ROOT.glob("host/*/include")) + [ROOT / "port/include"]
    return [f"-I{folder}" for folder in folders + [ROOT / folder for folder in FOLDERS]]


def sources():
    """All of the core; of two ways to a CRC the small one."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.c"))]
    return [path for path in files if path.name != "crc.c"]


def build(out):
    out.mkdir(parents=True, exist_ok=True)
    for name, text in HEADERS.items():
        (out / name).write_text(text)
    board_header(out)
    ram = out / "ram.c"
    ram.write_text(RAM_SOURCE)
    paths = sources() + [ram]
    objects = [out / (str(path.relative_to(ROOT) if path != ram else path.name).replace("/", "_") + ".o") for path in paths]

    def compile_one(job):
        path, target = job
        run(TOOLS + "gcc", *FLAGS, f"-I{out}", *includes(), "-c", path, "-o", target)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(compile_one, zip(paths, objects)))
    elf = out / "core.elf"
    keep = [f"-Wl,-u,{name}" for name in ENTRIES + ["core"]]
    link_map = out / "core.map"
    run(TOOLS + "gcc", *FLAGS, "-nostdlib", "-nostartfiles", "-Wl,--gc-sections", "-Wl,-e,gateway_step",
        "-Wl,--unresolved-symbols=ignore-all", f"-Wl,-Map={link_map}", *keep, *objects, "-lgcc", "-o", elf)
    return link_map.read_text()


PLACED = re.compile(r"^ (?:(\.\w+)\S*)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$")
NAME = re.compile(r"^ (\.\w+)\S*$")


def measure(link_map):
    """{folder: code and constants}, RAM: what the linker placed, by the folder of its source."""
    code, ram, section = {}, 0, ""
    for line in link_map.split("Linker script and memory map", 1)[-1].splitlines():
        name, placed = NAME.match(line), PLACED.match(line)
        if name:
            section = name.group(1)
        if not placed or int(placed.group(2), 16) == 0:
            continue
        section = placed.group(1) or section
        n_bytes, path = int(placed.group(3), 16), Path(placed.group(4)).name
        if section in (".bss", ".sbss", ".data", ".sdata"):
            ram += n_bytes
        folder = next((folder for folder in FOLDERS if path.startswith(folder.replace("/", "_") + "_")), None)
        if folder and section in (".text", ".rodata", ".srodata", ".data", ".sdata"):
            code[folder] = code.get(folder, 0) + n_bytes
    if any(folder not in code for folder in CORE) or ram == 0:
        raise Fault("the linked core has no code or no RAM: nothing was measured")
    return code, ram


def check(code, ram):
    core = sum(code[folder] for folder in CORE)
    others = ", ".join(f"{folder} {n:,}" for folder, n in sorted(code.items()) if folder not in CORE)
    print(f"gateway core, rv32imc at -Os: code {core:,} of {CODE_MAX_BYTES:,} bytes, RAM {ram:,} of {RAM_MAX_BYTES:,} bytes")
    print(f"  of it host/gateway {code[CORE[0]]:,}, host/s3 {code[CORE[1]]:,}; it stands on {others or 'nothing'}")
    if core > CODE_MAX_BYTES or ram > RAM_MAX_BYTES:
        raise Fault("the gateway's core is over its budget")
    return core


def self_test():
    link_map = ("Discarded input sections\n .text.a 0x0 0x99 o/host_gateway_a.c.o\nLinker script and memory map\n"
                " .text.a        0x00001000       0x64 o/host_gateway_a.c.o\n .text.long_name\n"
                "                0x00001064       0x0a o/host_s3_b.c.o\n .rodata.x      0x00002000       0x10 o/lib_format_c.c.o\n"
                " .bss.core      0x00003000       0x28 o/ram.c.o\n .text.gone     0x00000000       0x99 o/host_s3_b.c.o\n")
    assert measure(link_map) == ({"host/gateway": 100, "host/s3": 10, "lib/format": 16}, 40)
    for core, ram in ((CODE_MAX_BYTES, 1), (1, RAM_MAX_BYTES + 1)):
        try:
            check({"host/gateway": core, "host/s3": 1}, ram)
        except Fault:
            continue
        raise AssertionError("over budget and not noticed")
    try:
        measure("Linker script and memory map\n")
    except Fault:
        print("core_size: self-test passed")
        return
    raise AssertionError("an empty core was measured")


def main(args):
    if args == ["--self-test"]:
        return self_test()
    out = ROOT / (args[0] if args else "build/core")
    code, ram = measure(build(out))
    (out / "core_size.json").write_text(json.dumps({"core_code_bytes": sum(code[folder] for folder in CORE),
                                                    "core_ram_bytes": ram}) + "\n")
    return check(code, ram)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, OSError) as fault:
        print(f"core_size: {fault}", file=sys.stderr)
        sys.exit(1)
