#!/usr/bin/env python3
"""Every code block of README.md, docs/guide/ and the examples' pages works as it stands there.

  c         compiled with -fsyntax-only for the target, against the public headers; `c idf` for an ESP32, against the stand-ins of ESP-IDF
  cpp       `cpp sketch` is compiled as an Arduino sketch, against the stand-in of the core; `cpp part` as lines of its setup()
  sh        run, block after block, in one folder a page; `sh server` runs until the page ends, and what it prints is taken as environment;
            `sh tour` is run by the test 320 of tests/cli
  cmake     parsed; a block with project() becomes the page's CMakeLists.txt, which its sh blocks configure
  make      must stand in the Makefile of examples/hal_cubemx, which outside_hal_cubemx runs
  json      parsed
  text, console   only output or a picture: not looked at

A block needs one of these words after its fence, and code that is only indented has no such word, so it is refused. The program at the top of
agent.h is compiled and linked by outside_fresh.

In an sh block everything is the real thing but this: `make` only plans (-n), `cmake --build` only plans (ninja -n; other tests build these
projects), and what needs a board is played by STAND_INS: they look whether the files that they are given exist, and dump_image of openocd
writes a flash as bring-up.md has put it together.

Usage: guide_blocks.py FOTA        exit 0 passed, 77 skipped (no firmware yet), else failed
       guide_blocks.py --self-test
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^( *)```(.*)$")
LANGUAGES = ("c", "cpp", "sh", "cmake", "make", "json", "text", "console")
TOUR_TEST = ROOT / "tests/cli/320_the_readme_tour_runs_as_written.test"
ST = ROOT / "node_modules/@micro-os-plus/platform-stm32f4discovery/stm32cubemx/Drivers/CMSIS"
HANG_S = 1200  # only for hangs

STAND_INS = {
    # The two that only copy files do so; the folder is the reader's, not the tree.
    "make": 'case "$1" in esp-component | arduino-zip) exec /usr/bin/make "$@" ;; *) exec /usr/bin/make -n "$@" ;; esac\n',
    "idf.py": '[ -f CMakeLists.txt ] && [ -d main ] || { echo "idf.py: no project here" >&2; exit 1; }\n'
              'while [ $# -gt 0 ]; do case $1 in set-target) [ "${2#esp32}" != "$2" ] && shift ;; -p) shift ;; menuconfig | build | flash | monitor) ;;\n'
              '*) echo "idf.py: $1?" >&2; exit 1 ;; esac; shift; done\n',
    "cmake": 'case "$1" in --build) exec "$REAL_CMAKE" "$@" -- -n ;; *) exec "$REAL_CMAKE" "$@" ;; esac\n',
    "st-flash": 'for word; do case $word in *.bin | *.img) [ -s "$word" ] || { echo "st-flash: no $word" >&2; exit 1; } ;; esac; done\n',
    "STM32_Programmer_CLI": 'for word; do case $word in *.img) echo "it takes no .img" >&2; exit 1 ;;\n'
                            '*.bin) [ -s "$word" ] || { echo "no $word" >&2; exit 1; } ;; esac; done\n',
    "openocd": 'for word; do case $word in dump_image*) exec python3 "$MAKE_FLASH" $word ;; esac; done\n',
}
MAKE_FLASH = '''import sys
from pathlib import Path
flash = bytearray(b"\\xff" * int(sys.argv[4], 0))
for off, name in ((0, "build/f407/bootloader/bootloader.bin"), (0x4000, "build/f407/loader/loader.img"), (0x20000, "demo-1.0.0-a.img")):
    part = Path(name).read_bytes()
    flash[off:off + len(part)] = part
Path(sys.argv[2]).write_bytes(flash)
'''


def blocks_of(name, text):
    """(line, words after the fence, code) of each block, and a sentence for each block that has no language."""
    found, wrong, start, before = [], [], None, ""
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line)
        if fence and start is None:
            start, indent, words, code = number, len(fence.group(1)), fence.group(2).split(), []
            if not words or words[0] not in LANGUAGES:
                wrong.append(f"{name}:{number}: a fence must say what it holds: {', '.join(LANGUAGES)}; got '{' '.join(words)}'")
        elif fence:
            found.append((start, words, "\n".join(code) + "\n"))
            start = None
        elif start is not None:
            code.append(line[indent:])
        elif line.startswith("    ") and not before:
            wrong.append(f"{name}:{number}: indented code has no language: put it between fences")
        before = line.strip()
    return found, wrong


def run(command, cwd, environment, text=None):
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=HANG_S)
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else f"ended with {done.returncode}:\n{done.stdout}"


def check_c(code, folder, environment):
    includes = [f"-I{path}" for path in sorted(ROOT.glob("*/include")) + sorted(ROOT.glob("*/*/include"))]
    includes += [f"-I{path}" for path in sorted((ROOT / "build/f407").glob("**/generated*"))]
    system = ["-isystem", ST / "Include", "-isystem", ST / "Device/ST/STM32F4xx/Include"]
    return run(["arm-none-eabi-gcc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-mcpu=cortex-m4", "-mthumb", "-DSTM32F407xx", *includes,
                *system, "-x", "c", "-"], folder, environment, code)


def check_c_idf(code, folder, environment):
    includes = [f"-I{ROOT / name}" for name in ("host/esp32/include", "tests/stand_ins/esp_idf/api")]
    return run(["gcc", "-fsyntax-only", "-std=c11", "-Wall", "-Wextra", "-Werror", *includes, "-x", "c", "-"], folder, environment, code)


def check_sketch(code, folder, environment):
    """As the Arduino IDE compiles it: C++, Arduino.h before it."""
    includes = [f"-I{ROOT / name}" for name in ("host/esp32/include", "tests/stand_ins/arduino", "tests/stand_ins/esp_idf/api")]
    return run(["g++", "-fsyntax-only", "-std=c++17", "-Wall", "-Wextra", "-Werror", *includes, "-include", "Arduino.h", "-x", "c++", "-"],
               folder, environment, code)


def check_part(code, folder, environment):
    return check_sketch(f"#include <fota_gateway/fota_gateway.h>\nvoid part(struct fota_gateway_config &config)\n{{\n{code}}}\n", folder, environment)


def check_cmake(code, folder, environment):
    """CMake reads the whole file before it runs the first line, which here says: enough."""
    (folder / "block.cmake").write_text("return()\n" + code)
    if "project(" in code:
        (folder / "CMakeLists.txt").unlink(missing_ok=True)
        (folder / "CMakeLists.txt").write_text(code)
        (folder / "main.c").write_text("int main(void)\n{\n    return 0;\n}\n")
    return run([environment["REAL_CMAKE"], "-P", "block.cmake"], folder, environment)


def check_make(code, folder, environment):
    there = (ROOT / "examples/hal_cubemx/Makefile").read_text()
    return None if code in there else "these lines do not stand in examples/hal_cubemx/Makefile"


def check_json(code, folder, environment):
    try:
        json.loads(code)
    except ValueError as error:
        return str(error)


class Server:
    """`sh server`: runs until the page ends; what it prints becomes environment."""
    running = []

    @classmethod
    def start(cls, code, folder, environment):
        out = folder / "server.out"
        with out.open("w") as file:
            process = subprocess.Popen(["sh", "-eu", "-c", code.strip() + " --port 0"], cwd=folder, env=environment, stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        cls.running.append(process)
        while "AWS_ACCESS_KEY_ID" not in out.read_text():
            if process.poll() is not None:
                return f"ended with {process.returncode}:\n{out.read_text()}"
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
        environment.update(re.findall(r"^export (\w+)=(\S*)$", out.read_text(), re.M))

    @classmethod
    def stop(cls):
        for process in cls.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        cls.running.clear()


def check_sh(code, folder, environment):
    return run(["sh", "-eu", "-c", code], folder, environment)


def check_block(words, code, folder, environment):
    if words == ["sh", "tour"]:
        return None if "```sh tour" in TOUR_TEST.read_text() else f"{TOUR_TEST.name} does not run it any more"
    if words == ["sh", "server"]:
        return Server.start(code, folder, environment)
    kinds = {("c", "idf"): check_c_idf, ("cpp", "sketch"): check_sketch, ("cpp", "part"): check_part}
    if tuple(words) in kinds:
        return kinds[tuple(words)](code, folder, environment)
    if words[1:] or words == ["cpp"]:
        return f"'{' '.join(words)}' is unknown"
    checks = {"c": check_c, "sh": check_sh, "cmake": check_cmake, "make": check_make, "json": check_json}
    return checks[words[0]](code, folder, environment) if words[0] in checks else None


def like_the_tree(folder):
    """A folder in which commands find what they find at the top of the tree, and write nothing into it."""
    for path in ROOT.iterdir():
        if path.name not in ("build", ".git"):
            (folder / path.name).symlink_to(path)
    (folder / "build").mkdir()
    for name in ("host", "f407", "keys"):
        (folder / "build" / name).symlink_to(ROOT / "build" / name)


def place_for(name, folder, pack):
    """The folder in which a page's reader stands."""
    page = Path(name)
    if page.parts[0] == "examples":
        shutil.copytree(ROOT / page.parent, folder, dirs_exist_ok=True)
    elif name == "docs/guide/cube.md":  # in the build folder of a project in CubeMX's layout
        shutil.copytree(ROOT / "examples/hal_cubemx", folder, dirs_exist_ok=True)
        shutil.unpack_archive(pack, folder)
        (folder / "pump.bin").write_bytes(b"\0" * 8)
        for st in ("Core/Src/system_stm32f4xx.c", *re.findall(r"Drivers/\S+\.c", (folder / "Makefile").read_text())):
            (folder / st).parent.mkdir(parents=True, exist_ok=True)
            (folder / st).touch()
    elif name != "docs/guide/add-to-your-project.md":
        like_the_tree(folder)


def check_page(name, text, base, tools, pack):
    """One sentence for each block that does not work."""
    blocks, wrong = blocks_of(name, text)
    yield from wrong
    if wrong or not blocks:
        return
    folder = Path(tempfile.mkdtemp(dir=base))
    tree = Path(tempfile.mkdtemp(dir=base))
    like_the_tree(tree)
    (tree / "build/cube-pack").mkdir()
    (tree / "build/cube-pack" / pack.name).symlink_to(pack)
    place_for(name, folder, pack)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "FOTA_DIR": str(tree), "ProjDirPath": str(folder),
                   "MAKE_FLASH": str(tools / "make_flash.py"), "REAL_CMAKE": shutil.which("cmake")}
    for line, words, code in blocks:
        problem = check_block(words, code, folder, environment)
        if problem:
            yield f"{name}:{line}: {problem}\n{code}"
    Server.stop()


def tools_in(base, fota):
    tools = base / "tools"
    tools.mkdir()
    for name, body in STAND_INS.items():
        (tools / name).write_text("#!/bin/sh\n" + body)
        (tools / name).chmod(0o755)
    (tools / "make_flash.py").write_text(MAKE_FLASH)
    (tools / "fota").symlink_to(fota)
    return tools


def self_test():
    """Planted faults: each kind of block is refused when it is wrong, and goes through when it is right."""
    good = ("```sh\ntrue\n```\n", "1. step\n\n   ```sh\n   for i in 1; do\n       true\n   done\n   ```\n", "```json\n{\"a\": 1}\n```\n",
            "```cmake\nset(A b)\n```\n", "```text\n}{\n```\n", "```c\n#include \"agent/agent.h\"\nstruct agent a;\n```\n",
            "```make\ninclude Middlewares/Third_Party/fota_agent/fota.mk\n```\n", "```c idf\n#include \"fota_gateway/fota_gateway.h\"\n```\n",
            "```cpp sketch\n#include <WiFi.h>\nvoid setup() { Serial.begin(115200); }\n```\n", "```cpp part\nconfig.bucket = \"b\";\n```\n")
    bad = ("```sh\nfalse\ntrue\n```\n", "```sh\nif\n```\n", "```sh\nno-such-command\n```\n", "```sh\nmake no-such-verb\n```\n",
           "```sh\nst-flash write gone.bin 0\n```\n", "```sh\necho $NO_SUCH_NAME\n```\n", "```json\n{a}\n```\n", "```cmake\nset(A b\n```\n",
           "```c\n#include \"agent/agent.h\"\nstruct agent a = no_such_name;\n```\n", "```make\ninclude fota.mk\n```\n", "```\ntrue\n```\n",
           "```zig\n```\n", "```cpp\n```\n", "```cpp sketch\nint a = no_such_name;\n```\n", "```cpp part\nconfig.no_such_name = 1;\n```\n",
           "```c idf\n#include \"no_such_header.h\"\n```\n", "```sh\nidf.py flsh\n```\n", "```sh touring\ntrue\n```\n", "text\n\n    indented\n")
    with tempfile.TemporaryDirectory() as base:
        tools = tools_in(Path(base), "/bin/true")
        pack = Path(base, "no.zip")
        for page in good:
            problems = list(check_page("README.md", page, base, tools, pack))
            assert not problems, problems
        for page in bad:
            assert list(check_page("README.md", page, base, tools, pack)), f"not seen:\n{page}"
    print(f"ok   {len(bad)} planted faults are seen")


def main():
    self_test()
    if sys.argv[1:] == ["--self-test"]:
        return 0
    if not (ROOT / "build/f407/loader/loader.img").exists():
        print("skipped: no firmware in build/f407; make fw builds it")
        return 77
    pages = [ROOT / "README.md", *sorted((ROOT / "docs/guide").glob("*.md")), *sorted((ROOT / "examples").glob("*/README.md")),
             ROOT / "host/esp32/README.md"]
    with tempfile.TemporaryDirectory() as base:
        subprocess.run([ROOT / "tools/cube_pack.py", ROOT / "build/f407", Path(base, "pack")], check=True, stdout=subprocess.DEVNULL)
        pack = next(Path(base, "pack").glob("*.zip"))
        tools = tools_in(Path(base), Path(sys.argv[1]).resolve())
        problems, n_blocks = [], 0
        for page in pages:
            text = page.read_text()
            n_blocks += len(blocks_of(page.name, text)[0])
            problems += check_page(str(page.relative_to(ROOT)), text, base, tools, pack)
    print("\n".join(problems) or f"ok   {n_blocks} blocks of {len(pages)} pages work")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
