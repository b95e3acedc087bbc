#!/usr/bin/env python3
"""The Kconfig files of the ESP32 gateway: hold them to our rules, and write the sdkconfig.h that ESP-IDF's menuconfig would write with
every default, so that the tests compile the very options of the menu.

Rules: each option has a type with a prompt, a default and a help text; each int has a range that holds its defaults; each option is
used by a source (CONFIG_NAME), and each CONFIG_FOTA_ or CONFIG_EXAMPLE_ that a source uses is in the menu.

Usage: kconfig.py check
       kconfig.py header TARGET OUT [NAME=EXPRESSION ...]     TARGET: esp32 or esp32c3; NAME without CONFIG_; the C expression takes the default's place
       kconfig.py --self-test
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORT = ROOT / "host/esp32"
FILES = [PORT / "Kconfig", PORT / "example/main/Kconfig.projbuild"]
TYPE = re.compile(r'(int|string|bool) "([^"]+)"$')
USE = re.compile(r"\bCONFIG_((?:FOTA|EXAMPLE)_\w+)")


class Fault(Exception):
    """The menu breaks a rule."""


def parse(text):
    """{name: option}; an option has kind, defaults [(value, condition or None)], range or None, help."""
    options, now, in_help = {}, None, False
    for line in text.splitlines():
        words = line.strip()
        indent = len(line) - len(line.lstrip())
        if not words or words.startswith("#"):
            continue
        if words.startswith("config "):
            now = options[words.split()[1]] = {"kind": None, "defaults": [], "range": None, "help": ""}
            in_help = False
        elif in_help and indent > 8:
            now["help"] += words + " "
        elif words in ("endmenu",) or words.startswith("menu "):
            now = None
        elif now is None:
            raise Fault(f'"{words}" belongs to no option')
        elif words == "help":
            in_help = True
        elif TYPE.match(words):
            now["kind"] = TYPE.match(words).group(1)
        elif words.startswith("default "):
            value, _, condition = words[8:].partition(" if ")
            now["defaults"].append((value.strip(), condition.strip() or None))
        elif words.startswith("range "):
            now["range"] = tuple(int(n) for n in words.split()[1:3])
        else:
            raise Fault(f'"{words}" is not understood')
    return options


def check(options, used):
    for name, option in options.items():
        if not option["kind"] or not option["help"].strip() or not option["defaults"]:
            raise Fault(f"{name}: a type with a prompt, a default and a help text are wanted")
        if option["kind"] == "int":
            low, high = option["range"] or (1, 0)
            wrong = [value for value, _ in option["defaults"] if not low <= int(value) <= high]
            if wrong:
                raise Fault(f"{name}: no range, or its default {wrong[0]} is out of it")
    for name in sorted(set(options) - used):
        raise Fault(f"{name} is in the menu, and no source uses it")
    for name in sorted(used - set(options)):
        raise Fault(f"CONFIG_{name} is used by a source, and is not in the menu")


def used_names():
    paths = [p for folder in ("src", "example/main") for p in sorted((PORT / folder).glob("*.[ch]"))]
    return {name for path in paths for name in USE.findall(path.read_text())}


def header(options, target, own):
    """Text of sdkconfig.h: of several defaults the first whose condition holds, an unset bool is not defined."""
    unknown = set(own) - set(options)
    if unknown:
        raise Fault(f"{', '.join(sorted(unknown))}: not in the menu")
    lines = ["/* Written by tools/kconfig.py. */"]
    for name, option in options.items():
        held = [value for value, condition in option["defaults"] if condition in (None, f"IDF_TARGET_{target.upper()}")]
        if not held:
            raise Fault(f"{name} has no default for {target}")
        value = own.get(name, {"y": "1", "n": None}[held[0]] if option["kind"] == "bool" else held[0])
        if value is not None:
            lines.append(f"#define CONFIG_{name} {value}")
    return "\n".join(lines) + "\n"


def all_options():
    return {name: option for path in FILES for name, option in parse(path.read_text()).items()}


def self_test():
    good = 'menu "M"\n    config FOTA_A\n        int "A"\n        range 1 9\n        default 2 if IDF_TARGET_ESP32\n        default 3\n        help\n            Text.\n' \
           '    config FOTA_B\n        bool "B"\n        default n\n        help\n            Text.\nendmenu\n'
    options = parse(good)
    check(options, {"FOTA_A", "FOTA_B"})
    assert header(options, "esp32", {}).endswith("#define CONFIG_FOTA_A 2\n")
    assert header(options, "esp32c3", {"FOTA_B": "1"}).endswith("#define CONFIG_FOTA_A 3\n#define CONFIG_FOTA_B 1\n")
    bad = [(good.replace("range 1 9", "range 1 2"), {"FOTA_A", "FOTA_B"}), (good.replace("            Text.\n", "", 1), {"FOTA_A", "FOTA_B"}),
           (good.replace("        range 1 9\n", ""), {"FOTA_A", "FOTA_B"}), (good, {"FOTA_A"}), (good, {"FOTA_A", "FOTA_B", "FOTA_C"})]
    for text, used in bad:
        try:
            check(parse(text), used)
        except Fault:
            continue
        raise AssertionError("a wrong menu was taken")
    print("kconfig: self-test passed")


def main(args):
    if args == ["--self-test"]:
        return self_test()
    options = all_options()
    if args == ["check"]:
        check(options, used_names())
        print(f"kconfig: {len(options)} options, each with default, help and range, each used")
    elif len(args) >= 3 and args[0] == "header" and args[1] in ("esp32", "esp32c3") and all("=" in a for a in args[3:]):
        Path(args[2]).write_text(header(options, args[1], dict(a.split("=", 1) for a in args[3:])))
    else:
        raise Fault("say check, or header TARGET OUT [NAME=EXPRESSION ...]")
    return None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, OSError, ValueError) as fault:
        print(f"kconfig: {fault}", file=sys.stderr)
        sys.exit(1)
