#!/usr/bin/env python3
"""Provision a new board over a debug probe: root, loader, image of slot A, epoch, option bytes, readout level.

It writes the job (what is to be in the flash, word by word) into a folder and lets OpenOCD run provision.tcl, which reads each part
back before it locks anything. A run that was cut is repeated from its start. See docs/guide/bring-up.md.
"""
import argparse
import json
import os
import shlex
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import board as boards  # noqa: E402

EPOCH_MAX = 32
# FLASH_OPTCR (RM0090 3.9.10): readout level 0, WDG_SW, nRST_STOP and nRST_STDBY as the factory has them, nothing write-protected.
OPTIONS_AT_BOR_3 = 0x0FFFAAE0


def die(text):
    sys.exit(f"provision: {text}")


def read_board(args):
    """Numbers of the board's header, by name."""
    try:
        found = boards.load(Path(args.boards), args.board)
    except boards.Refusal as refusal:
        die(str(refusal))
    return {key: value if isinstance(value, int) else int(value, 0) for key, value in filter(None, boards.defines(found))
            if isinstance(value, int) or value[:1].isdigit()}


def options_of(m):
    """Option bytes before and after locking, as the board wants them. BOR_LEV is 0 for level 3 and 3 for "off"."""
    is_open = OPTIONS_AT_BOR_3 | (3 - m["BOARD_BROWN_OUT_LEVEL"]) << 2
    return is_open, is_open & ~(m["BOARD_WRITE_PROTECT"] << 16)


def words_of(data):
    data += b"\xff" * (-len(data) % 4)
    return struct.unpack(f"<{len(data) // 4}I", data)


def read_part(name, path, room):
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        die(f"{name}: {path}: {e.strerror}")
    if not data:
        die(f"{name}: {path} is empty")
    if len(data) > room:
        die(f"{name}: {path} has {len(data)} bytes, its place holds {room}")
    return data


def inspect(args, slot, name, path):
    """What `fota inspect` says of an image; an image that it refuses, of another board too, is not provisioned."""
    keys = ["--keys", args.keys] if args.keys else []
    try:
        run = subprocess.run([args.fota, "inspect", "--json", "--slot", slot, "--hw", args.board, *keys, path], capture_output=True, text=True,
                             check=False)
        found = json.loads(run.stdout)
    except OSError as e:
        die(f"{args.fota} cannot be run ({e.strerror}); `make host` builds it")
    except ValueError:
        die(f"{name}: {args.fota} inspect gave no answer for {path}: {run.stderr.strip()}")
    if run.returncode != 0:
        die(f"{name}: {path} would not boot: {found.get('message', found.get('error', 'refused'))}")
    return found


def check_job(args, places):
    if args.level == 2 and not args.for_ever:
        die("readout level 2 can never be undone, not even by erasing the chip: give --for-ever with it")
    if not 0 <= args.epoch <= EPOCH_MAX:
        die(f"epoch is {args.epoch}; one-time memory has room for 0 to {EPOCH_MAX}")
    parts = [(name, path, base, read_part(name, path, room)) for name, path, base, room in places]
    stack, start = struct.unpack("<II", parts[0][3][:8].ljust(8, b"\0"))
    if stack >> 24 != 0x20 or not parts[0][2] <= start < parts[0][2] + places[0][3]:
        die(f"root: {args.root} does not begin with the vector table of sector 0; give the flat .bin of the bootloader")
    for (name, path, _, _), slot in zip(parts[1:], ("loader", "a")):
        counter = inspect(args, slot, name, path)["security_counter"]
        if name == "image" and counter < args.epoch:
            die(f"image: {path} has security counter {counter}, below the epoch {args.epoch}: the board would refuse it")
    return parts


def sectors_text(mask):
    names = [str(i) for i in range(32) if mask >> i & 1]
    return f"sector{'s' if len(names) > 1 else ''} {' and '.join(names)}" if names else "no sector"


def write_job(folder, args, parts, m):
    folder.mkdir(parents=True, exist_ok=True)
    is_open, shut = options_of(m)
    lines = ["# Written by provision.py; read by provision.tcl.", f"set level {args.level}",
             f"set level_2_for_ever {int(args.for_ever)}", f"set epoch {args.epoch}", f"set erase_locked {int(args.erase_locked)}",
             f"set chip_id 0x{m['BOARD_CHIP_ID']:03x}", f"set flash_kbytes {m['FLASH_MAP_BYTES'] // 1024}",
             f"set last_sector {m['FLASH_SECTORS'] - 1}", f"set options_open 0x{is_open:08x}", f"set options_shut 0x{shut:08x}",
             f"set wishes {{brown-out level {m['BOARD_BROWN_OUT_LEVEL']}, {sectors_text(m['BOARD_WRITE_PROTECT'])} write-protected}}",
             "set parts {}"]
    for name, _, base, data in parts:
        file = folder / f"{name}.bin"
        file.write_bytes(data + b"\xff" * (-len(data) % 4))
        words = " ".join(f"0x{w:08x}" for w in words_of(data))
        lines.append(f"lappend parts [list {name} {{{file}}} 0x{base:08x} {{{words}}}]")
    (folder / "job.tcl").write_text("\n".join(lines) + "\n")


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", default="f407-disco", help="the board, a folder of boards/ (f407-disco)")
    parser.add_argument("--boards", default=str(ROOT / "boards"), help="another folder of boards")
    parser.add_argument("--root", default=str(ROOT / "build/f407/bootloader/bootloader.bin"), help="flat binary of the bootloader")
    parser.add_argument("--loader", default=str(ROOT / "build/f407/loader/loader.img"), help="signed loader of sector 1")
    parser.add_argument("--image", required=True, help="signed image linked for slot A")
    parser.add_argument("--level", type=int, choices=(0, 1, 2), required=True, help="readout level; 2 needs --for-ever")
    parser.add_argument("--for-ever", action="store_true", help="level 2 is really meant: no debugger ever reaches this chip again")
    parser.add_argument("--epoch", type=int, default=0, help="security epoch for one-time memory, 0 to 32 (0)")
    parser.add_argument("--erase-locked", action="store_true", help="erase a chip that is at readout level 1 and make it anew")
    parser.add_argument("--keys", help="folder of the public keys that must have signed loader and image")
    parser.add_argument("--job", default=str(ROOT / "build/provision"), help="folder for the job's files (build/provision)")
    parser.add_argument("--fota", default=str(ROOT / "build/host/cli/fota"), help="the fota command")
    parser.add_argument("--openocd", default="openocd", help="the program that runs the script (openocd)")
    parser.add_argument("--config", default="board/stm32f4discovery.cfg", help="OpenOCD's file for probe and chip")
    parser.add_argument("--dry", action="store_true", help="check the job and print the command; touch no board")
    return parser.parse_args(argv)


def main(argv):
    args = arguments(argv)
    m = read_board(args)
    places = [("root", args.root, m["FLASH_BOOT_BASE"], m["FLASH_BOOT_BYTES"]),
              ("loader", args.loader, m["FLASH_LOADER_BASE"], m["FLASH_LOADER_BYTES"]),
              ("image", args.image, m["FLASH_SLOT_A_BASE"], m["FLASH_SLOT_BYTES"])]
    parts = check_job(args, places)
    job = Path(args.job).resolve()
    command = [args.openocd, "-f", args.config, "-c", "init", "-f", str(job / "job.tcl"), "-f", str(HERE / "provision.tcl"),
               "-c", "shutdown"]
    for name, path, base, data in parts:
        print(f"provision: {name}: {path}, {len(data)} bytes at {base:#010x}")
    print(f"provision: epoch {args.epoch}, brown-out level {m['BOARD_BROWN_OUT_LEVEL']}, "
          f"{sectors_text(m['BOARD_WRITE_PROTECT'])} write-protected, readout level {args.level}")
    print(f"provision: {shlex.join(command)}")
    sys.stdout.flush()
    if args.dry or os.environ.get("DRY") == "1":
        return 0
    write_job(job, args, parts, m)
    try:
        return subprocess.run(command, check=False).returncode
    except OSError as e:
        die(f"{args.openocd} cannot be run: {e.strerror}; on Debian: apt-get install openocd")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
