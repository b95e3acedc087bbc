#!/usr/bin/env python3
"""Size and worst stack of root and loader, against their budgets.

Everything is read from the linked ELF: what is in flash and RAM, by layer of the source tree; how deep the stack gets from the
reset handler and from each boot service (frames and calls from the disassembly; calls through pointers are explained in
budget.json). Over budget, an unexplained call, recursion, an FPU instruction, a call out of the RAM code into flash, or the key
of the option bytes anywhere is a failure.

The loader is an application: its image with header and signature is held against loader_bytes, its RAM against what an
application has. The numbers that the bench quotes are left in BUILD_DIR/sizes.json.

Usage: sizes.py [--print] BUILD_DIR     --print: also the applications, without failing
       sizes.py --self-test
"""
import json
import os
import re
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = "arm-none-eabi-"
SERVICES_TABLE_BYTES = 28         # magic, version, n_bytes, version of the root, hardware id: then the way in
LOADER_OVERHEAD_BYTES = 0x200 + 36 + 152  # image.h: header area, protected TLVs of a loader, TLVs at their longest
EXCEPTION_FRAME_BYTES = 32        # PM0214 2.3.7, without FPU
OPTION_KEY = struct.pack("<I", 0x08192A3B)  # FLASH_OPTKEYR, RM0090 3.9.3: nothing in the field writes option bytes
SUFFIX = re.compile(r"\.(constprop|part|isra|cold|lto_priv)(\.\d+)*")
FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\s+(.*))?$")


class Fault(Exception):
    """Something about the ELF that must not be."""


def run(tool, *args, stdin=None):
    return subprocess.run([TOOLS + tool, *map(str, args)], input=stdin, check=True, text=True, capture_output=True).stdout


def register_count(text):
    count = 0
    for item in text.split(","):
        ends = item.strip().split("-")
        names = {"sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}
        numbers = [names.get(e, None) if e in names else int(e[1:]) for e in ends]
        count += numbers[-1] - numbers[0] + 1
    return count


def pushed_bytes(mnemonic, operands):
    """How many bytes this instruction takes from the stack; 0 if none."""
    name = mnemonic.split(".")[0]
    if name in ("push", "stmdb") and (name == "push" or operands.startswith("sp!")):
        return 4 * register_count(operands[operands.index("{") + 1:operands.index("}")])
    if name in ("sub", "subw", "subs") and operands.startswith("sp"):
        immediate = re.search(r"#(\d+)", operands)
        if not immediate:
            raise Fault(f"stack frame of variable size: {mnemonic} {operands}")
        return int(immediate.group(1))
    pre = re.search(r"\[sp, #-(\d+)\]!", operands)
    return int(pre.group(1)) if pre else 0


class Function:
    def __init__(self, name, addr):
        self.name, self.addr = name, addr
        self.frame = 0
        self.calls = set()      # addresses
        self.indirect = []      # addresses of calls through registers


def parse(disassembly):
    """Functions by address. The frame is the sum of all pushes: no path needs more."""
    functions, current = {}, None
    for line in disassembly.splitlines():
        head = FUNCTION.match(line)
        if head:
            current = Function(head.group(2), int(head.group(1), 16))
            functions[current.addr] = current
            continue
        found = INSTRUCTION.match(line)
        if not found or current is None:
            continue
        at, mnemonic, operands = int(found.group(1), 16), found.group(2), (found.group(3) or "").split("@")[0].split(";")[0].strip()
        if re.fullmatch(r"v[a-z]+[0-9]*(\.[a-z]*[0-9]+)*", mnemonic):  # data of a table is shown as text: "ve......"
            raise Fault(f"{current.name}: FPU instruction {mnemonic} {operands}")
        current.frame += pushed_bytes(mnemonic, operands)
        target = re.match(r"(?:[a-z0-9]+, )?([0-9a-f]+) <([^>+]+)>", operands)
        if target and mnemonic.startswith(("b", "cb")) and int(target.group(1), 16) != current.addr:
            current.calls.add(int(target.group(1), 16))
        elif mnemonic.startswith("blx") or (mnemonic.startswith("bx") and operands != "lr"):
            current.indirect.append(at)
    return functions


def follow(functions, addr, path, done):
    """(bytes, chain of functions) of the deepest path from `addr`."""
    function = functions[addr]
    if function in path:
        raise Fault("recursion: " + " -> ".join(f.name for f in path[path.index(function):] + [function]))
    if addr not in done:
        best = (0, [])
        for callee in function.calls:
            if callee in functions:
                best = max(best, follow(functions, callee, path + [function], done), key=lambda r: r[0])
        done[addr] = (function.frame + best[0], [function] + best[1])
    return done[addr]


def source_file(name):
    """What addr2line says, as a path inside the source tree where it is one. A compiler cache may have seen the same file in
    another tree, so the longest end of the path that is a file here counts."""
    name = os.path.normpath(name.rsplit(":", 1)[0].split(" ")[0])
    parts = name.split("/")
    ends = ("/".join(parts[i:]) for i in range(1, len(parts)))
    return next((end for end in ends if (ROOT / end).is_file()), name)


class Elf:
    def __init__(self, path):
        self.path = path
        self.symbols = {}       # name -> (address, size, kind)
        for line in run("nm", "-S", path).splitlines():
            parts = line.split()
            if len(parts) == 4 and parts[2] in "tTrRdDbB":
                self.symbols[parts[3]] = (int(parts[0], 16), int(parts[1], 16), parts[2])
        self.sections = {}
        for line in run("size", "-A", "-d", path).splitlines():
            parts = line.split()
            if len(parts) == 3 and parts[0].startswith("."):
                self.sections[parts[0]] = (int(parts[1]), int(parts[2]))
        self.image = Path(path).with_suffix(".bin").read_bytes()
        self.functions = parse(run("objdump", "-d", "--no-show-raw-insn", path))

    def size(self, *names):
        return sum(self.sections.get(name, (0, 0))[0] for name in names)

    def words(self, addr, n_bytes):
        off = addr - self.sections[".text"][1]
        return struct.unpack(f"<{n_bytes // 4}I", self.image[off:off + n_bytes // 4 * 4])

    def plain(self, name):
        """Symbols of that name in the source, whatever the compiler added to it."""
        return [s for full, s in self.symbols.items() if re.sub(r"\.\d+$", "", SUFFIX.sub("", full)) == name]

    def function_at(self, pointer):
        return pointer & ~1 if pointer & ~1 in self.functions else None

    def resolve(self, name):
        """A function, or all functions in a constant table."""
        found = set()
        for addr, n_bytes, kind in self.plain(name):
            if kind in "tT":
                found.add(addr & ~1)
            else:
                found |= {self.function_at(w) for w in self.words(addr, n_bytes)} - {None}
        return found

    def explain(self, table):
        """Put the targets of calls through pointers into the call graph."""
        sites = [(f, at) for f in self.functions.values() for at in f.indirect]
        lines = run("addr2line", "-e", self.path, stdin="".join(f"{at:#x}\n" for _, at in sites)).splitlines()
        for (function, at), line in zip(sites, lines):
            veneer = function.name.endswith("_veneer")
            file = source_file(line)
            targets = set().union(*(self.resolve(n) for n in table.get(file, [])), set())
            if veneer:
                targets = self.resolve(re.sub(r"^__(.*)_veneer$", r"\1", function.name))
            if not targets and file not in table:
                raise Fault(f"{function.name}: call through a pointer at {at:#x} ({line}) is not explained in budget.json")
            function.calls |= targets


def layer_of(file):
    parts = file.split("/")
    return "/".join(parts[:2]) if parts[0] in ("lib", "port") else parts[0]


def by_layer(elf):
    """Bytes of code by layer of the source tree (inlined code counts where it was written)."""
    addrs = sorted(int(m.group(1), 16) for m in map(INSTRUCTION.match, run("objdump", "-d", "--no-show-raw-insn", elf.path).splitlines())
                   if m)
    lines = run("addr2line", "-e", elf.path, stdin="".join(f"{a:#x}\n" for a in addrs)).splitlines()
    layers = Counter()
    for i, line in enumerate(lines):
        n_bytes = addrs[i + 1] - addrs[i] if i + 1 < len(addrs) else 2
        file = source_file(line)
        layers["toolchain" if not file or file.startswith("?") or "arm" in file or "node_modules" in file else layer_of(file)] += min(n_bytes, 4)
    code = sum(layers.values())
    layers["constants"] = elf.size(".text", ".ram_code") - code
    return layers


def stacks(elf):
    """Worst stack of the boot and of each service: {name: (bytes, chain)}."""
    done = {}
    table, n_bytes, _ = elf.symbols["boot_services"]
    found = {"reset": follow(elf.functions, elf.symbols["reset_handler"][0] & ~1, [], done)}
    for pointer in elf.words(table + SERVICES_TABLE_BYTES, n_bytes - SERVICES_TABLE_BYTES):
        addr = elf.function_at(pointer)
        found[elf.functions[addr].name] = follow(elf.functions, addr, [], done)
    return found


def check_ram_code(elf):
    size, base = elf.sections[".ram_code"]
    for function in elf.functions.values():
        if base <= function.addr < base + size:
            for callee in function.calls:
                if not base <= callee < base + size:
                    raise Fault(f"{function.name} runs from RAM while flash is busy, but calls into flash")


def row(what, used, budget):
    over = used > budget
    print(f"  {what:<26} {used:>7,} of {budget:>7,} bytes, {budget - used:>7,} free{'   OVER BUDGET' if over else ''}")
    return over


def bootloader(build, budget):
    elf = Elf(build / "bootloader" / "bootloader.elf")
    elf.explain(budget["indirect_calls"])
    check_ram_code(elf)
    if OPTION_KEY in elf.image:
        raise Fault("the key of the option bytes is in the image: nothing in the field may write them")
    found = stacks(elf)
    service = max((name for name in found if name != "reset"), key=lambda name: found[name][0])
    print("root")
    over = row("flash (sector 0)", len(elf.image), budget["flash_bytes"])
    over |= row("RAM of boot services", elf.size(".ram_code", ".services"), budget["services_ram_bytes"])
    over |= row("RAM while it boots", elf.size(".bss"), budget["boot_ram_bytes"])
    over |= row("stack from reset", found["reset"][0] + EXCEPTION_FRAME_BYTES, budget["boot_stack_bytes"])
    over |= row(f"stack of {service}", found[service][0], budget["service_stack_bytes"])
    for name in ("reset", service):
        chain = " > ".join(f"{SUFFIX.sub('', f.name)} {f.frame}" for f in found[name][1] if f.frame)
        print(f"  deepest from {name}: {chain}")
    print("  by layer: " + ", ".join(f"{layer} {n:,}" for layer, n in by_layer(elf).most_common()))
    largest = sorted(((n, name) for name, (_, n, kind) in elf.symbols.items() if kind in "tTrR"), reverse=True)[:10]
    loader = loader_bytes(build)
    if loader:
        over |= row("loader image (sector 1)", loader, budget["loader_bytes"])
    (build / "sizes.json").write_text(json.dumps({"root_bytes": len(elf.image),
                                                  "loader_bytes": loader,
                                                  "boot_stack_bytes": found["reset"][0] + EXCEPTION_FRAME_BYTES,
                                                  "service_stack_bytes": found[service][0]}, indent=2) + "\n")
    print("  largest:  " + ", ".join(f"{SUFFIX.sub('', name)} {n:,}" for n, name in largest))
    return over


def loader_bytes(build):
    """Of the image in sector 1, header and the longest TLVs included; 0 while it is not built yet."""
    path = build / "loader" / "loader.bin"
    return path.stat().st_size + LOADER_OVERHEAD_BYTES if path.exists() else 0


def applications(build):
    for path in sorted((build / "app").glob("*.elf")):
        sizes = {line.split()[0]: int(line.split()[1]) for line in run("size", "-A", "-d", path).splitlines()
                 if line.startswith(".")}
        flash = sum(n for name, n in sizes.items() if name in (".vectors", ".text", ".data", ".init_array", ".ARM.exidx"))
        print(f"application {path.stem}: flash {flash:,} bytes, RAM {sizes.get('.data', 0) + sizes.get('.bss', 0):,} bytes")


def self_test():
    text = ("08000000 <a>:\n 8000000:\tpush\t{r4, r5, lr}\n 8000002:\tsub\tsp, #16\n 8000004:\tbl\t8000010 <b>\n"
            " 8000008:\tpop\t{r4, r5, pc}\n08000010 <b>:\n 8000010:\tstmdb\tsp!, {r4, r5, r6, r7, r8, sl, lr}\n"
            " 8000014:\tb.w\t8000020 <c>\n08000020 <c>:\n 8000020:\tstr.w\tlr, [sp, #-8]!\n 8000024:\tblx\tr3\n 8000026:\tbx\tlr\n")
    functions = parse(text)
    assert follow(functions, 0x8000000, [], {})[0] == 12 + 16 + 28 + 8
    assert functions[0x8000020].indirect == [0x8000024]
    for fault, planted in (("recursion", text + " 8000028:\tbl\t8000000 <a>\n"),
                           ("FPU", text + " 8000028:\tvldr\ts0, [r0]\n"),
                           ("variable size", text + " 8000028:\tsub\tsp, sp, r3\n")):
        try:
            follow(parse(planted), 0x8000000, [], {})
        except Fault as error:
            assert fault in str(error), f"{fault}: got '{error}'"
        else:
            raise AssertionError(f"planted fault not found: {fault}")


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    if "--self-test" in sys.argv:
        return self_test()
    if len(args) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(args[0])
    budget = json.loads((ROOT / "bootloader" / "budget.json").read_text())
    try:
        over = bootloader(build, budget)
    except (Fault, FileNotFoundError) as error:
        print(f"sizes: {error}", file=sys.stderr)
        return 1
    if "--print" in sys.argv:
        applications(build)
        return 0
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
