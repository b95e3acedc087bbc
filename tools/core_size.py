#!/usr/bin/env python3
"""Size of the gateway's core on an ESP32-C3: code for rv32imc at -Os, and the RAM of its structs, against their budgets.

The core is what a gateway needs apart from its ports: host/gateway, host/s3, host/link_client, and what they use of lib. It is
compiled and linked with everything dropped that gateway_init, gateway_step and the three init functions do not reach. Hashes and
P-256 come from the platform (crypto is a port there), and so does the C library: neither is counted.

Usage: core_size.py [BUILD_DIR]     figures go to BUILD_DIR/core_size.json [build/core]
       core_size.py --self-test
"""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = "riscv64-unknown-elf-"
FLAGS = ["-march=rv32imc", "-mabi=ilp32", "-Os", "-std=c11", "-ffunction-sections", "-fdata-sections", "-ffreestanding"]
FOLDERS = ["host/gateway", "host/s3", "host/link_client", "lib/format", "lib/base", "lib/link"]
ENTRIES = ["gateway_init", "gateway_step", "s3_init", "link_client_init"]
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
#include "gateway/gateway.h"
struct core { struct gateway gateway; struct s3 s3; struct link_client link; };
extern struct core core;
struct core core;
"""


class Fault(Exception):
    """Over budget, or not to be measured."""


def run(*args):
    done = subprocess.run([str(a) for a in args], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Fault(f"{args[0]} failed:\n{done.stderr}")
    return done.stdout


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
    run(TOOLS + "gcc", *FLAGS, "-nostdlib", "-nostartfiles", "-Wl,--gc-sections", "-Wl,-e,gateway_step",
        "-Wl,--unresolved-symbols=ignore-all", *keep, *objects, "-o", elf)
    return elf


def measure(listing):
    """(code and constants, RAM) of `size -A -d`."""
    code = ram = 0
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) < 3 or not fields[1].isdigit():
            continue
        name, n_bytes = fields[0], int(fields[1])
        if name.startswith((".text", ".rodata", ".srodata", ".init")):
            code += n_bytes
        elif name.startswith((".data", ".sdata")):
            code += n_bytes
            ram += n_bytes
        elif name.startswith((".bss", ".sbss")):
            ram += n_bytes
    if code == 0 or ram == 0:
        raise Fault("the linked core has no code or no RAM: nothing was measured")
    return code, ram


def check(code, ram):
    print(f"gateway core, rv32imc at -Os: code {code:,} of {CODE_MAX_BYTES:,} bytes, RAM {ram:,} of {RAM_MAX_BYTES:,} bytes")
    if code > CODE_MAX_BYTES or ram > RAM_MAX_BYTES:
        raise Fault("the gateway's core is over its budget")


def self_test():
    listing = "core.elf  :\nsection size addr\n.text 100 0\n.rodata 20 0\n.data 3 0\n.bss 40 0\n.comment 99 0\nTotal 262\n"
    assert measure(listing) == (123, 43)
    for code, ram in ((CODE_MAX_BYTES + 1, 1), (1, RAM_MAX_BYTES + 1)):
        try:
            check(code, ram)
        except Fault:
            continue
        raise AssertionError("over budget and not noticed")
    try:
        measure("core.elf :\n.comment 99 0\n")
    except Fault:
        print("core_size: self-test passed")
        return
    raise AssertionError("an empty core was measured")


def main(args):
    if args == ["--self-test"]:
        return self_test()
    out = ROOT / (args[0] if args else "build/core")
    code, ram = measure(run(TOOLS + "size", "-A", "-d", build(out)))
    (out / "core_size.json").write_text(json.dumps({"core_code_bytes": code, "core_ram_bytes": ram}) + "\n")
    return check(code, ram)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, OSError) as fault:
        print(f"core_size: {fault}", file=sys.stderr)
        sys.exit(1)
