#!/usr/bin/env python3
"""Make the pack for STM32CubeIDE and CubeMX: one ZIP with all that a project without CMake needs.

  README.md                                the page of instructions (docs/guide/cube.md)
  Middlewares/Third_Party/fota_agent/Inc   the one include folder
  Middlewares/Third_Party/fota_agent/Src   sources, a folder each layer, compiled by CubeIDE as they lie there
  Middlewares/Third_Party/fota_agent/      slot_a.ld, slot_b.ld, fota.mk, sign.sh (fota), sign.bat (imgtool, Windows)
  Example/                                 examples/hal_cubemx

What is in it comes from the firmware build, so that nothing of the board is written here: the sources are those of which the demo
application links something, the headers those that these include, the linker scripts those of the demo. Names are sorted, times
are fixed: one build gives the same bytes each time.

Usage: cube_pack.py BUILD_DIR OUTPUT_DIR     BUILD_DIR: a build of the preset f407
       cube_pack.py --self-test
"""
import json
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from check_version import PLACE, version_of  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "tools/cube_pack"
AGENT = "Middlewares/Third_Party/fota_agent"
DEMO_MAP = "demo-1.0.0-a.map"
GENERATED = "generated"  # folder of a build: what tools/board.py made of the board, a part of lib/base
EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a ZIP's clock
MEMBER = re.compile(r"^(\S+)\.a\((\S+)\.obj\)$", re.M)
OBJECT = re.compile(r"^LOAD (\S+)\.obj$", re.M)
REGION = re.compile(r"FLASH \(rx\)\s*:\s*ORIGIN = ([^,]+),\s*LENGTH = ([^\n]+)")


class Refused(Exception):
    """Why there is no pack, and what to do."""


def linked(map_text):
    """Names of the sources that a link took: members of archives in use, and objects given by name."""
    return {Path(name).name for _, name in MEMBER.findall(map_text)} | {Path(name).name for name in OBJECT.findall(map_text)}


def numbers_of(script):
    """(base, bytes, header bytes) of the slot that a linker script is for."""
    found = REGION.search(script)
    if not found:
        raise Refused("the linker script of a slot has no memory FLASH with ORIGIN and LENGTH")
    origin = [int(part, 0) for part in found.group(1).split("+")]
    length = [int(part, 0) for part in found.group(2).split("-")]
    if len(origin) != 2 or length[1:2] != origin[1:]:
        raise Refused(f"the linker script of a slot leaves no room for the image header: {found.group(0)}")
    return origin[0], length[0], origin[1]


def headers_of(command, file, build):
    """Headers that one source includes, but those of the system and of ST: name in the pack and path of each."""
    words = shlex.split(command)
    words = words[:words.index("-o")] + ["-MM", "-MT", "x", str(file)]
    text = subprocess.run(words, cwd=build, check=True, text=True, capture_output=True).stdout
    folders = [Path(word[2:]).resolve() for word in words if word.startswith("-I")]
    for path in {(build / name).resolve() for name in shlex.split(text.replace("\\\n", " "))[1:]} - {file}:
        public = [folder for folder in folders if folder in path.parents]
        yield ("Inc" / path.relative_to(public[0]) if public else f"Src/{layer_of(file)}" / Path(path.name)), path


def layer_of(file):
    return "base" if file.parent.name == GENERATED else file.parent.name


def sources_of(build):
    """Sources of this project that the demo links: path and compiler command."""
    commands = json.loads((build / "compile_commands.json").read_text())
    taken = linked((build / DEMO_MAP).read_text())
    found = {}
    for entry in commands:
        file = Path(entry["file"]).resolve()
        folder = file.relative_to(ROOT).parts[0] if ROOT in file.parents else ""
        folder = "lib" if file.parent == (build / GENERATED).resolve() else folder
        # Bootloader and tests compile some of them too, with options of their own: not those.
        if folder in ("agent", "lib", "port") and file.name in taken and f" -o {folder}/" in entry["command"]:
            found[file] = entry["command"]
    return sorted(found.items())


def collect(build):
    """{name in the ZIP: bytes} of all files."""
    scripts = {slot: (build / f"app/slot_{slot}.ld").read_text() for slot in "ab"}
    base_a, slot_bytes, header = numbers_of(scripts["a"])
    words = {"HW": (build / "loader/loader.hw").read_text().strip(), "SLOT_A": f"{base_a:#010x}", "SLOT_B": f"{numbers_of(scripts['b'])[0]:#010x}",
             "SLOT_BYTES": f"{slot_bytes:#x}", "HEADER": f"{header:#x}"}
    files = {f"{AGENT}/slot_{slot}.ld": text.encode() for slot, text in scripts.items()}
    sources = sources_of(build)
    if not sources:
        raise Refused(f"{build} has no source of the agent in {DEMO_MAP}")
    for file, command in sources:
        files[f"{AGENT}/Src/{layer_of(file)}/{file.name}"] = file.read_bytes()
        for name, path in headers_of(command, file, build):
            files[f"{AGENT}/{name}"] = path.read_bytes()
    for name in ("fota.mk", "sign.sh", "sign.bat"):
        text = re.sub(r"@(\w+)@", lambda found: words[found.group(1)], (TEMPLATES / name).read_text())
        files[f"{AGENT}/{name}"] = text.replace("\n", "\r\n" if name.endswith(".bat") else "\n").encode()
    files["README.md"] = (ROOT / "docs/guide/cube.md").read_bytes()
    files[f"{AGENT}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    example = ROOT / "examples/hal_cubemx"
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "."], cwd=example, check=True, text=True, capture_output=True)
    for name in tracked.stdout.split():
        files[f"Example/{name}"] = (example / name).read_bytes()
    return files


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, EARLIEST)
            info.create_system = 3
            info.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, files[name], compresslevel=9)


def make(build, folder):
    for name in ("compile_commands.json", DEMO_MAP, "app/slot_a.ld", "app/slot_b.ld", "loader/loader.hw"):
        if not (build / name).is_file():
            raise Refused(f"{build / name} is missing: build the firmware with its demo first (make fw)")
    files = collect(build)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"stm32f407-fota-cube-{version_of((ROOT / PLACE).read_text())}.zip"
    write_zip(path, files)
    print(f"cube pack: {len(files)} files in {path}")


def self_test():
    text = "lib/link/liblink.a(link_pump.c.obj)\n   agent.c.obj\nLOAD port/x.dir/crc_unit.c.obj\nLOAD lib/base/libbase.a\n"
    assert linked(text) == {"link_pump.c", "crc_unit.c"}, linked(text)
    script = "FLASH (rx) : ORIGIN = 0x08020000 + 0x200,\n   LENGTH = 0x00060000 - 0x200 - 0x200\n"
    assert numbers_of(script) == (0x08020000, 0x60000, 0x200)
    for wrong in ("", script.replace(" + 0x200", ""), script.replace("- 0x200 -", "- 0x100 -")):
        try:
            numbers_of(wrong)
        except Refused:
            continue
        raise AssertionError(f"not refused: {wrong}")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 3:
        print(__doc__.split("Usage: ")[1], file=sys.stderr)
        return 2
    try:
        make(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    except (Refused, OSError, subprocess.CalledProcessError) as error:
        print(f"cube_pack: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
