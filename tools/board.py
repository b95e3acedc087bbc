#!/usr/bin/env python3
"""Read boards/<name>/board.json, refuse a layout that cannot work, and write what is generated from it.

  board.py header NAME FILE    board/board.h: the numbers of this board, for firmware and linker scripts
  board.py own NAME FILE       board_own.c: struct board_layout of this board, for firmware
  board.py table FILE          board_table.c: struct board_layout of every board, for the host side
  board.py show NAME           the same numbers as NAME=value lines, which a shell can read
  board.py check [NAME...]     only check; without a name, all boards

--boards DIR: a folder of boards of one's own, besides those of the project. Parts that the project does not know are in
DIR/parts.json, as in boards/parts.json, which follows RM0090, table 5.
A refusal is one sentence with the board's name and both numbers; exit status 1.
"""
import argparse
import json
import re
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOARDS = ROOT / "boards"
FLASH_BASE = 0x08000000
RAM_BASE = 0x20000000
CCM_BASE = 0x10000000
SERVICES_RAM_BYTES = 0x1000
RETAINED_BYTES = 20
FIRST_USES = ("root", "loader")  # the root expects itself in sector 0, the loader's boot service writes one sector
USES = ("root", "loader", "journal_0", "journal_1", "slot_a", "slot_b", "application")
# lib/link keeps one bit for each sector of a slot in a byte (struct link_pump, own_sectors).
SLOT_SECTORS_MAX = 8
HW_ID = re.compile(r"^[a-z0-9][a-z0-9-]{0,14}$")  # TLV 0xA0 of an image takes 15 characters (format/image.h)
# Where ST's ROM loader answers (AN2606, STM32F40xxx): the same wires must reach it, or a board that lost its flash cannot be rebuilt.
SPI_PINS = {"peripheral": "SPI1", "nss": "PA4", "sck": "PA5", "miso": "PA6", "mosi": "PA7"}
CONSOLE_PINS = ("PA2", "PD5")  # where USART2 can transmit: alternate function 7 (DS8626 table 9)
DEVICE_IDS = (0x413,)  # of the parts whose registers port/stm32f407 and the link know: STM32F405/407 and 415/417
DEBUG_PINS = ("PA13", "PA14")
PIN = re.compile(r"^P([A-I])(\d|1[0-5])$")
BROWN_OUT_LEVELS = range(0, 4)


class Refusal(Exception):
    """The board cannot work; the text says why."""


def fail(name, text):
    raise Refusal(f"board {name}: {text}")


def read_json(path, name):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        fail(name, f"{path} does not exist; boards are {', '.join(names_of(path.parent.parent, BOARDS))}")
    except json.JSONDecodeError as error:
        fail(name, f"{path} is no JSON: line {error.lineno}: {error.msg}")


def field(name, data, key, kind):
    if key not in data:
        fail(name, f'"{key}" is missing in board.json')
    if not isinstance(data[key], kind) or isinstance(data[key], bool):
        fail(name, f'"{key}" is {data[key]!r}, which is no {kind.__name__}')
    return data[key]


def number(name, data, key):
    value = data.get(key)
    try:
        return int(value, 0) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        fail(name, f'"{key}" is {value!r}, which is no number')


def sectors_of_part(part):
    """[(base, bytes)] of every sector, ascending."""
    found, base = [], FLASH_BASE
    for kilobytes in part["sectors_kb"]:
        found.append((base, kilobytes * 1024))
        base += kilobytes * 1024
    return found


def place_area(name, entry, sectors):
    """The sectors of one area: (use, base, bytes, first sector, number of sectors)."""
    use = field(name, entry, "use", str)
    if use not in USES:
        fail(name, f'"{use}" is no use of flash; uses are {", ".join(USES)}')
    base, n_bytes = number(name, entry, "base"), number(name, entry, "bytes")
    end, flash_end = base + n_bytes, sectors[-1][0] + sectors[-1][1]
    if n_bytes <= 0:
        fail(name, f"{use} at {base:#010x} has {n_bytes} bytes")
    if base < FLASH_BASE or end > flash_end:
        fail(name, f"{use} ends at {end:#010x}, the part's flash is {FLASH_BASE:#010x} to {flash_end:#010x}")
    inside = [i for i, (at, size) in enumerate(sectors) if at < end and at + size > base]
    first, last = inside[0], inside[-1]
    if sectors[first][0] != base:
        fail(name, f"{use} begins at {base:#010x}, its sector {first} begins at {sectors[first][0]:#010x}")
    if sum(sectors[last]) != end:
        fail(name, f"{use} ends at {end:#010x}, its sector {last} ends at {sum(sectors[last]):#010x}")
    return {"use": use, "base": base, "bytes": n_bytes, "first": first, "n": len(inside)}


def check_overlaps(name, areas, sectors):
    ordered = sorted(areas, key=lambda a: a["base"])
    for one, two in zip(ordered, ordered[1:]):
        end = one["base"] + one["bytes"]
        if end > two["base"]:
            fail(name, f"{one['use']} ends at {end:#010x} and {two['use']} begins at {two['base']:#010x}: they overlap")
    taken = {s for a in areas for s in range(a["first"], a["first"] + a["n"])}
    for i, (base, _) in enumerate(sectors):
        if i not in taken:
            fail(name, f"sector {i} at {base:#010x} has no use; give it to the application if nothing else needs it")


def one_of_each(name, areas):
    by_use = {}
    for area in areas:
        if area["use"] != "application" and area["use"] in by_use:
            fail(name, f"{area['use']} is there twice, at {by_use[area['use']]['base']:#010x} and {area['base']:#010x}")
        by_use[area["use"]] = area
    for use in USES[:-1]:
        if use not in by_use:
            fail(name, f"there is no {use}")
    return by_use


def check_small(name, by_use, sectors):
    """The root, the loader and each journal: one sector. Root and loader where the boot expects them."""
    for place, use in enumerate(FIRST_USES):
        if by_use[use]["first"] != place:
            fail(name, f"{use} is in sector {by_use[use]['first']}, it must be in sector {place}")
    for use in ("root", "loader", "journal_0", "journal_1"):
        if by_use[use]["n"] != 1:
            fail(name, f"{use} has {by_use[use]['n']} sectors, it must have 1")
        size = sectors[by_use[use]["first"]][1]
        if size == 64 * 1024:
            fail(name, f"{use} is in sector {by_use[use]['first']} of {size} bytes; the flash driver writes sectors of 16384 and 131072 only")


def check_slots(name, by_use, sectors):
    a, b = by_use["slot_a"], by_use["slot_b"]
    for slot in (a, b):
        sizes = sorted({sectors[i][1] for i in range(slot["first"], slot["first"] + slot["n"])})
        if len(sizes) > 1:
            fail(name, f"{slot['use']} has sectors of {sizes[0]} and of {sizes[-1]} bytes; they must be alike")
        if sizes[0] == 64 * 1024:
            fail(name, f"{slot['use']} has a sector of {sizes[0]} bytes; the flash driver writes sectors of 16384 and 131072 only")
        if slot["n"] > SLOT_SECTORS_MAX:
            fail(name, f"{slot['use']} has {slot['n']} sectors, the table of an image that is received holds {SLOT_SECTORS_MAX}")
    if a["bytes"] != b["bytes"]:
        fail(name, f"slot_a has {a['bytes']} bytes and slot_b has {b['bytes']}; they must be alike")
    if a["n"] != b["n"]:
        fail(name, f"slot_a has {a['n']} sectors and slot_b has {b['n']}; they must be alike")


def check_clock(name, clock, part):
    hz = number(name, clock, "source_hz")
    m, n, p, q = (number(name, clock, k) for k in ("pll_m", "pll_n", "pll_p", "pll_q"))
    if field(name, clock, "source", str) != "HSI" or hz != 16000000:
        fail(name, f"clock source is {clock['source']} of {hz} Hz; root and loader run from HSI of 16000000 Hz, which needs no crystal")
    for key, value, low, high in (("pll_m", m, 2, 63), ("pll_n", n, 50, 432), ("pll_q", q, 2, 15)):
        if not low <= value <= high:
            fail(name, f"{key} is {value}, allowed are {low} to {high} (RM0090 7.3.2)")
    if p != 2:
        fail(name, f"pll_p is {p}, the clock driver sets 2")
    vco_in, vco, hclk = hz // m, hz // m * n, hz // m * n // p
    if not 1000000 <= vco_in <= 2000000:
        fail(name, f"the PLL's input is {vco_in} Hz, allowed are 1000000 to 2000000 Hz")
    if not 100000000 <= vco <= 432000000:
        fail(name, f"the PLL's oscillator is at {vco} Hz, allowed are 100000000 to 432000000 Hz")
    if hclk > part["hclk_max_hz"]:
        fail(name, f"the clock is {hclk} Hz, the part takes {part['hclk_max_hz']} Hz")
    return {"hsi_hz": hz, "m": m, "n": n, "q": q, "hclk_hz": hclk}


def check_pins(name, spi):
    for key, driven in SPI_PINS.items():
        if spi.get(key) != driven:
            fail(name, f"spi {key} is {spi.get(key)}, ST's ROM loader has {driven}, and recovery uses the same wires")


def pin(name, what, value):
    """(port, number) of a pin as board.json writes it."""
    found = PIN.match(value) if isinstance(value, str) else None
    if not found:
        fail(name, f"{what} is {value!r}, pins are PA0 to PI15")
    return found.group(1), int(found.group(2))


def check_demo(name, demo):
    led, console = (field(name, demo, key, str) for key in ("led", "console"))
    if console not in CONSOLE_PINS:
        fail(name, f"demo console is {console}, USART2 transmits on {' or '.join(CONSOLE_PINS)}")
    taken = {at: key for key, at in SPI_PINS.items()} | {console: "console"} | {at: "debug port" for at in DEBUG_PINS}
    if led in taken:
        fail(name, f"demo led is {led}, which is the {taken[led]} already")
    return {"LED": pin(name, "demo led", led), "CONSOLE": pin(name, "demo console", console)}


def check_options(name, options, n_sectors):
    level = number(name, options, "brown_out_level")
    if level not in BROWN_OUT_LEVELS:
        fail(name, f"brown_out_level is {level}, levels are 0 to {BROWN_OUT_LEVELS[-1]}")
    protect = field(name, options, "write_protect", list)
    for sector in protect:
        if not isinstance(sector, int) or not 0 <= sector < n_sectors:
            fail(name, f"write_protect names sector {sector}, the part has sectors 0 to {n_sectors - 1}")
    return {"level": level, "protect": sum(1 << s for s in set(protect))}


def parts_of(folder, name):
    """The project's parts, and those of a folder of boards of one's own."""
    parts = read_json(BOARDS / "parts.json", name)
    if (folder / "parts.json").exists():
        parts |= read_json(folder / "parts.json", name)
    return parts


def check_part(name, part_name, part):
    for key in ("flash_kb", "sram_kb", "ccm_kb", "hclk_max_hz"):
        if not isinstance(part.get(key), int):
            fail(name, f'part {part_name} has "{key}" {part.get(key)!r}, which is no number')
    device_id = number(name, part, "device_id")
    if device_id not in DEVICE_IDS:
        fail(name, f"part {part_name} has device id {device_id:#x}, the drivers are for {DEVICE_IDS[0]:#x}; docs/guide/porting.md says what another needs")
    sectors = part.get("sectors_kb")
    if not isinstance(sectors, list) or not sectors or not all(isinstance(s, int) and s > 0 for s in sectors):
        fail(name, f'part {part_name} has "sectors_kb" {sectors!r}, which is no list of sizes')


def load(folder, name):
    """Everything about one board, checked."""
    if folder != BOARDS and not (folder / name / "board.json").exists() and (BOARDS / name / "board.json").exists():
        folder = BOARDS
    data = read_json(folder / name / "board.json", name)
    parts = parts_of(folder, name)
    if field(name, data, "name", str) != name:
        fail(name, f'"name" is {data["name"]}, its folder is {name}')
    if not HW_ID.match(name):
        fail(name, f"the name has {len(name)} characters; it is the hardware id: 1 to 15 of a-z, 0-9 and -")
    part_name = field(name, data, "part", str)
    if part_name not in parts:
        fail(name, f"part {part_name} is not in boards/parts.json, which has {', '.join(parts)}")
    readme = field(name, data, "readme", str)
    part = parts[part_name]
    check_part(name, part_name, part)
    sectors = sectors_of_part(part)
    if sum(size for _, size in sectors) != part["flash_kb"] * 1024:
        fail(name, f"the sectors of part {part_name} are {sum(s for _, s in sectors)} bytes, its flash is {part['flash_kb'] * 1024}")
    areas = [place_area(name, entry, sectors) for entry in field(name, data, "flash", list)]
    check_overlaps(name, areas, sectors)
    by_use = one_of_each(name, areas)
    check_small(name, by_use, sectors)
    check_slots(name, by_use, sectors)
    check_pins(name, field(name, data, "spi", dict))
    return {"name": name, "part_name": part_name, "part": part, "sectors": sectors, "areas": areas, "by_use": by_use,
            "readme": readme, "demo": check_demo(name, field(name, data, "demo", dict)), "clock": check_clock(name, field(name, data, "clock", dict), part),
            "options": check_options(name, field(name, data, "option_bytes", dict), len(sectors))}


def mask(areas):
    return sum(1 << s for a in areas for s in range(a["first"], a["first"] + a["n"]))


def pin_rows(board):
    """Pins as port and number, with the name of the port's clock gate in ST's headers. Of the link, the first of its four pins."""
    rows = []
    for macro, (port, number_of_pin) in ({"SPI": pin(board["name"], "spi nss", SPI_PINS["nss"])} | board["demo"]).items():
        rows += [(f"BOARD_{macro}_PORT", f"GPIO{port}"), (f"BOARD_{macro}_PIN", str(number_of_pin)),
                 (f"BOARD_{macro}_CLOCK", f"RCC_AHB1ENR_GPIO{port}EN")]
    return rows


def defines(board):
    """[(name, value)] of the generated header; None is an empty line."""
    use, part, clock = board["by_use"], board["part"], board["clock"]
    slot = use["slot_a"]
    ram_bytes = part["sram_kb"] * 1024
    services = RAM_BASE + ram_bytes - SERVICES_RAM_BYTES
    retained = RAM_BASE + ram_bytes - RETAINED_BYTES
    never = mask([a for a in board["areas"] if a["use"] in ("root", "application")])
    rows = [("BOARD_NAME", f'"{board["name"]}"'), ("BOARD_PART", f'"{board["part_name"]}"'), None,
            ("FLASH_MAP_BYTES", part["flash_kb"] * 1024),
            ("FLASH_SECTORS", str(len(board["sectors"]))), None]
    for macro, key in (("BOOT", "root"), ("LOADER", "loader"), ("J0", "journal_0"), ("J1", "journal_1")):
        rows += [(f"FLASH_{macro}_SECTOR", str(use[key]["first"])), (f"FLASH_{macro}_BASE", use[key]["base"]),
                 (f"FLASH_{macro}_BYTES", use[key]["bytes"]), None]
    for macro, key in (("A", "slot_a"), ("B", "slot_b")):
        rows += [(f"FLASH_SLOT_{macro}_SECTOR", str(use[key]["first"])), (f"FLASH_SLOT_{macro}_BASE", use[key]["base"])]
    rows += [("FLASH_SLOT_SECTORS", str(slot["n"])), ("FLASH_SLOT_SECTOR_BYTES", slot["bytes"] // slot["n"]),
             ("FLASH_SLOT_BYTES", slot["bytes"]), ("FLASH_NEVER_WRITTEN", never), None,
             ("RAM_BYTES", ram_bytes), ("CCM_BYTES", part["ccm_kb"] * 1024), None,
             ("RAM_SERVICES_BASE", services), ("RAM_SERVICES_BYTES", SERVICES_RAM_BYTES), ("RAM_APP_BASE", RAM_BASE),
             ("RAM_APP_BYTES", ram_bytes - SERVICES_RAM_BYTES), ("RAM_RETAINED_BYTES", str(RETAINED_BYTES)),
             ("RAM_RETAINED_ADDR", retained), ("RAM_CRASHES_ADDR", retained), ("RAM_STARTED_ADDR", retained + 4),
             ("RAM_REASON_ADDR", retained + 8), ("RAM_REQUEST_ADDR", retained + 12), None,
             ("BOARD_HSI_HZ", str(clock["hsi_hz"])), ("BOARD_HCLK_HZ", str(clock["hclk_hz"])), ("BOARD_PLL_M", str(clock["m"])),
             ("BOARD_PLL_N", str(clock["n"])), ("BOARD_PLL_Q", str(clock["q"])), None,
             *pin_rows(board), None,
            ("BOARD_CHIP_ID", number(board["name"], part, "device_id")),
             ("BOARD_BROWN_OUT_LEVEL", str(board["options"]["level"])), ("BOARD_WRITE_PROTECT", board["options"]["protect"])]
    return rows


def show(board):
    """NAME=value lines. Numbers as the header has them, words as a shell reads them."""
    return "\n".join(f"{key}={shlex.quote(value.strip(chr(34)) if isinstance(value, str) else f'0x{value:08X}')}"
                     for key, value in filter(None, defines(board)))


def header(board):
    lines = [f"/* Generated by tools/board.py from boards/{board['name']}/board.json: change that file, not this one.",
             " * What each number is for: base/flash_map.h. */", "#ifndef BOARD_BOARD_H", "#define BOARD_BOARD_H", ""]
    for row in defines(board):
        if row is None:
            lines.append("")
        else:
            key, value = row
            lines.append(f"#define {key} {value if isinstance(value, str) else f'0x{value:08X}'}")
    return "\n".join(lines + ["", "#endif", ""])


def c_area(area):
    return f"{{.base = 0x{area['base']:08X}, .n_bytes = 0x{area['bytes']:08X}, .first_sector = {area['first']}, .n_sectors = {area['n']}}}"


def c_layout(board):
    use, values = board["by_use"], dict(row for row in defines(board) if row)
    fields = [(".hw_id", f'"{board["name"]}"'), (".part", f'"{board["part_name"]}"'),
              (".flash", f"{{.base = 0x{FLASH_BASE:08X}, .n_bytes = 0x{values['FLASH_MAP_BYTES']:08X}, .n_sectors = {len(board['sectors'])}}}"),
              (".root", c_area(use["root"])), (".loader", c_area(use["loader"])),
              (".journal", "{" + c_area(use["journal_0"]) + ", " + c_area(use["journal_1"]) + "}"),
              (".slot", "{" + c_area(use["slot_a"]) + ", " + c_area(use["slot_b"]) + "}"),
              (".slot_sector_bytes", f"0x{values['FLASH_SLOT_SECTOR_BYTES']:08X}"),
              (".ram", f"{{.base = 0x{RAM_BASE:08X}, .n_bytes = 0x{values['RAM_BYTES']:08X}}}"),
              (".ccm", f"{{.base = 0x{CCM_BASE:08X}, .n_bytes = 0x{values['CCM_BYTES']:08X}}}"),
              (".reason_addr", f"0x{values['RAM_REASON_ADDR']:08X}"), (".request_addr", f"0x{values['RAM_REQUEST_ADDR']:08X}"),
              (".brown_out_level", str(board["options"]["level"])), (".write_protect", f"0x{board['options']['protect']:X}")]
    return "    {" + ",\n     ".join(f"{key} = {value}" for key, value in fields) + "},"


def table(boards):
    return "\n".join(["/* Generated by tools/board.py from boards/: change those files, not this one. */", '#include "base/board_layout.h"', "",
                      "const struct board_layout BOARD_LAYOUTS[] = {", *map(c_layout, boards), "};", "",
                      "const uint32_t BOARD_N_LAYOUTS = sizeof BOARD_LAYOUTS / sizeof BOARD_LAYOUTS[0];", ""])


def own(board):
    return "\n".join([f"/* Generated by tools/board.py from boards/{board['name']}/board.json: change that file, not this one. */",
                      '#include "base/board_layout.h"', "", "const struct board_layout BOARD_OWN =", c_layout(board).rstrip(",") + ";", ""])


def write_changed(path, text):
    """Leave the file alone if it is right, so that nothing is compiled again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def names_of(*folders):
    return sorted({p.parent.name for folder in folders for p in folder.glob("*/board.json")})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=Path, default=BOARDS)
    parser.add_argument("what", choices=("header", "own", "table", "show", "check"))
    parser.add_argument("rest", nargs="*")
    args = parser.parse_args()
    wanted = {"header": 2, "own": 2, "table": 1, "show": 1}.get(args.what)
    if wanted is not None and len(args.rest) != wanted:
        parser.error(f"{args.what} takes {wanted} argument(s)")
    try:
        if args.what == "header":
            write_changed(Path(args.rest[1]), header(load(args.boards, args.rest[0])))
        elif args.what == "own":
            write_changed(Path(args.rest[1]), own(load(args.boards, args.rest[0])))
        elif args.what == "table":
            write_changed(Path(args.rest[0]), table([load(args.boards, n) for n in names_of(args.boards, BOARDS)]))
        elif args.what == "show":
            print(show(load(args.boards, args.rest[0])))
        else:
            boards = [load(args.boards, n) for n in args.rest or names_of(args.boards)]
            print("\n".join(f"{b['name']}: {b['readme']}" for b in boards))
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
