#!/usr/bin/env python3
"""Compile the ESP32 port, the gateway's core, link client and S3 client for rv32imc (the instructions of an ESP32-C3) and for
xtensa-lx106 (a cousin of the ESP32's core), with every warning an error, and hold sizes and stack to host/esp32/budget.json.

The headers of ESP-IDF are the stand-ins of tests/stand_ins/esp_idf. That a uint32_t printed by %u is refused is tried each time. Of
the stack it prints the largest frame, and the deepest sum of frames along calls that the compiler shows (gcc -fcallgraph-info); calls
by pointer, TLS and lwIP come on top.

Usage: esp32_size.py [BUILD_DIR]     figures go to BUILD_DIR/esp32_size.json [build/esp32]
       esp32_size.py --self-test
"""
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measured import ROOT, Fault, board_header, run

WARNINGS = "-std=gnu17 -Os -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Werror".split()
CHIPS = {"rv32imc": ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-msave-restore", "--specs=picolibc.specs"],
         "xtensa-lx106": ["xtensa-lx106-elf-gcc", "-mlongcalls"]}
FOLDERS = ["host/gateway", "host/s3", "host/link_client", "host/recover", "host/page", "lib/base", "lib/crypto", "lib/format", "lib/link", "host/esp32/src"]
PORT = "host/esp32/src"
PAGE = "page and setup"  # of the port: what a program without a page does not link
PAGE_FILES = re.compile(r"host_esp32_src_idf_(page|serve|setup|settings|form|button)\.c\.o$")
LEFT_OUT = {"lib/base/board_layout.c", "lib/link/link_slave.c", "lib/link/link_session.c", "lib/link/link_pump.c"}  # the target's side
# Calls by pointer, which the compiler does not show: (file, function) -> functions of a file.
POINTERS = {("gateway.c", "gateway_step"): [("gateway_", "gateway_do_*")],
            ("s3.c", "exchange*"): [("idf_http.c", "perform")], ("idf_http.c", "perform"): [("s3.c", "on_body")], ("idf_fetch.c", "task_main"): [("idf_http.c", "run"), ("idf_http.c", "end")],
            ("s3.c", "on_body"): [("gateway_", "take"), ("idf_ota.c", "take_file")], ("link_wire.c", "clock_bytes"): [("idf_wires.c", "transfer")],
            ("gateway_stage.c", "gateway_stage_append"): [("idf_stage.c", "append")], ("gateway_record.c", "gateway_record_save"): [("idf_store.c", "save")],
            ("gateway_emit.c", "gateway_emit"): [("fota_gateway.c", "on_event")], ("gateway_ladder.c", "gateway_climb"): [("fota_gateway.c", "rebuild")]}
PLATFORM_BYTES = 3072  # an allowance for ESP-IDF below our deepest call, not measured
# The task of esp_http_server: it calls our handlers. Its allowance has no TLS in it.
PAGE_ROOTS = [("idf_page.c", "on_request"), ("idf_setup.c", "on_request")]
PAGE_POINTERS = {("idf_form.c", "put_text"): [("idf_setup.c", "put")]}
PAGE_PLATFORM_BYTES = 2048


def sources():
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.c"))]
    return [p for p in files if str(p.relative_to(ROOT)) not in LEFT_OUT]


def includes(board):
    folders = sorted(ROOT.glob("lib/*/include")) + sorted(ROOT.glob("host/*/include"))
    return [f"-I{f}" for f in folders + [ROOT / "port/include", ROOT / "tests/stand_ins/esp_idf/api", board]]


def build(chip, out):
    command = CHIPS[chip]
    board = out / "board_headers"
    board_header(board)
    embedded = out / "host_page_embedded.c"
    run(sys.executable, ROOT / "host/page/embed.py", ROOT / "host/page/files", embedded)

    def compile_one(path):
        target = out / (path.name if path == embedded else str(path.relative_to(ROOT)).replace("/", "_"))
        target = target.with_name(target.name + ".o")
        graph = ["-fstack-usage", "-fcallgraph-info=su"] if chip == "rv32imc" else []
        extra = ["-DSTAND_IN_ESP32C3"] if chip == "rv32imc" else []
        run(*command, *WARNINGS, *extra, *graph, "-ffunction-sections", "-fdata-sections", *includes(board), "-c", path, "-o", target)
        return target

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(compile_one, [*sources(), embedded]))


FORMATS = {"printf": "(void)printf({}, n)", "our log": "idf_log(log, 'I', {}, n)"}


def check_formats(out):
    """uint32_t is `unsigned long` on an ESP32: does the build above refuse one that is printed by %u, and take PRIu32?"""
    for where, call in FORMATS.items():
        for text, is_right in (('"%" PRIu32', True), ('"%u"', False)):
            probe = out / "format.c"
            probe.write_text('#include <inttypes.h>\n#include <stdio.h>\n#include "idf_log.h"\n'
                             "void say(const struct idf_log *log, uint32_t n);\nvoid say(const struct idf_log *log, uint32_t n)\n"
                             "{\n    (void)log;\n    " + call.format(text) + ";\n}\n")
            try:
                run(*CHIPS["rv32imc"], *WARNINGS, *includes(out / "board_headers"), f"-I{ROOT / PORT}", "-c", probe, "-o", out / "format.o")
                is_taken = True
            except Fault:
                is_taken = False
            if is_taken != is_right:
                raise Fault(f"in {where} the compiler {'takes' if is_taken else 'refuses'} a uint32_t printed by {text}")


def sizes(tool, objects):
    """{folder: text and data}, {folder: RAM}"""
    code, ram = {}, {}
    for path in objects:
        text, data, bss = (int(n) for n in run(tool, path).splitlines()[1].split()[:3])
        folder = PAGE if PAGE_FILES.match(path.name) else next(f for f in FOLDERS if path.name.startswith(f.replace("/", "_") + "_"))
        code[folder] = code.get(folder, 0) + text + data
        ram[folder] = ram.get(folder, 0) + data + bss
    return code, ram


NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
FRAME = re.compile(r"\\n(\d+) bytes")
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')


def is_of(title, file, name):
    """Is this the function of that file? A name with * at its end means: and what begins so. The titles of static functions hold a path."""
    path, _, function = title.rpartition(":")
    function = function.split(".")[0]
    is_name = function.startswith(name[:-1]) if name.endswith("*") else function == name
    return is_name and (not path or Path(path).name.startswith(file))


def is_there(frames, file, name):
    return any(is_of(n, file, name) for n in frames)


def stack(texts, pointers, roots=None):
    """Texts of .ci files. (deepest sum of frames, [names on the way], largest frame, its name); below the roots (file, function), if given"""
    frames, calls = {}, {}
    for text in texts:
        for title, label in NODE.findall(text):
            frame = FRAME.search(label)
            frames[title] = max(frames.get(title, 0), int(frame.group(1)) if frame else 0)
        for source, target in EDGE.findall(text):
            calls.setdefault(source, set()).add(target)
    for (caller_file, caller), targets in pointers.items():
        sources_of = [n for n in frames if is_of(n, caller_file, caller)]
        if not sources_of or any(not is_there(frames, *target) for target in targets):
            raise Fault(f"{caller} of {caller_file}, or what it calls by pointer, is not there under this name: adapt POINTERS")
        for source in sources_of:
            calls.setdefault(source, set()).update(n for n in frames for file, name in targets if is_of(n, file, name) and n != source)
    known = {}

    def deepest(name, path):
        if name in path:
            raise Fault(f"{name} calls itself: no stack is deep enough")
        if name not in known:
            below = [deepest(t, path | {name}) for t in calls.get(name, ())]
            best = max(below, default=(0, []))
            known[name] = (frames.get(name, 0) + best[0], [name] + best[1])
        return known[name]

    if not frames:
        raise Fault("no frames: nothing was measured")
    largest = max(frames, key=frames.get)
    tops = sorted(n for n in frames if not roots or any(is_of(n, *root) for root in roots))
    if roots and len(tops) < len(roots):
        raise Fault(f"of {roots} only {tops} are there: adapt PAGE_ROOTS")
    total, way = max((deepest(name, frozenset()) for name in tops), key=lambda found: found[0])
    return total, way, frames[largest], largest


def ram_bytes(out, name):
    """Of the struct of a public header: fota_gateway, or a part of it."""
    probe = out / "probe.c"
    probe.write_text(f'#include "fota_gateway/{name}.h"\nextern char probe[sizeof(struct {name})];\nchar probe[sizeof(struct {name})];\n')
    run(*CHIPS["rv32imc"], f"-I{ROOT}/host/esp32/include", "-c", probe, "-o", out / "probe.o")
    return int(re.search(r"^\S+ (\S+) . probe$", run("riscv64-unknown-elf-nm", "-S", out / "probe.o"), re.M).group(1), 16)


def check(figures, budget):
    for name, most in budget.items():
        print(f"  {name:22} {figures[name]:7,} of {most:,}")
    over = [name for name, most in budget.items() if figures[name] > most]
    if over:
        raise Fault(f"over host/esp32/budget.json: {', '.join(over)}")


def self_test():
    graph = ('node: { title: "a" label: "a\\nx.c:1:1\\n16 bytes (static)\\n0 dynamic objects" }\n'
             'node: { title: "b" label: "b\\nx.c:2:1\\n32 bytes (static)" }\nedge: { sourcename: "a" targetname: "b" label: "" }\n')
    assert stack([graph], {}) == (48, ["a", "b"], 32, "b")
    assert stack([graph], {}, [("x.c", "b")])[0] == 32
    for text in ("", graph + 'edge: { sourcename: "b" targetname: "a" }\n'):
        try:
            stack([text], {})
        except Fault:
            continue
        raise AssertionError("a stack without a bound was measured")
    try:
        check({"x": 2}, {"x": 1})
    except Fault:
        print("esp32_size: self-test passed")
        return
    raise AssertionError("over budget and not noticed")


def main(args):
    if args == ["--self-test"]:
        return self_test()
    out = ROOT / (args[0] if args else "build/esp32")
    figures = {}
    for chip in CHIPS:
        (out / chip).mkdir(parents=True, exist_ok=True)
        objects = build(chip, out / chip)
        code, ram = sizes(CHIPS[chip][0].replace("gcc", "size"), objects)
        if any(ram.values()):
            raise Fault(f"static RAM outside the caller's structs: {ram}")
        others = ", ".join(f"{folder} {n:,}" for folder, n in code.items() if folder != PORT)
        print(f"{chip} at -Os, every warning an error: port {code[PORT]:,} bytes of code; {others}")
        if chip == "rv32imc":
            check_formats(out / chip)
            total, way, frame, name = stack([p.read_text() for p in sorted((out / chip).glob("*.ci"))], POINTERS)
            figures = {"port_code_bytes": code[PORT], "page_code_bytes": code[PAGE] + code["host/page"], "stack_frame_bytes": frame,
                       "gateway_ram_bytes": ram_bytes(out, "fota_gateway"), "page_ram_bytes": ram_bytes(out, "fota_gateway_page"),
                       "setup_ram_bytes": ram_bytes(out, "fota_gateway_setup"), "stack_bytes": total + PLATFORM_BYTES}
            page_total, page_way, _, _ = stack([p.read_text() for p in sorted((out / chip).glob("*.ci"))], POINTERS | PAGE_POINTERS, PAGE_ROOTS)
            figures["page_stack_bytes"] = page_total + PAGE_PLATFORM_BYTES
            print(f"  deepest calls of the page: {' > '.join(n.rsplit(':', 1)[-1] for n in page_way)}")
            print(f"  deepest calls: {' > '.join(n.rsplit(':', 1)[-1] for n in way)}; largest frame: {name.rsplit(':', 1)[-1]}")
    (out / "esp32_size.json").write_text(json.dumps({"esp32_static_ram_bytes": figures["gateway_ram_bytes"],
                                                     "esp32_stack_bytes": figures["stack_bytes"]}) + "\n")
    return check(figures, json.loads((ROOT / "host/esp32/budget.json").read_text()))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, OSError) as fault:
        print(f"esp32_size: {fault}", file=sys.stderr)
        sys.exit(1)
