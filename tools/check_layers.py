#!/usr/bin/env python3
"""Check who includes whom.

CMake already makes most forbidden includes a compile error, since a header that is not linked is not on the include path.
This check holds the rest: the table below is the whole truth about the directions, products never include each other, and
docs/ARCHITECTURE.md shows exactly this table.

Usage: check_layers.py [--self-test | --table]
"""
import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# layer -> (folder, layers it may include besides itself)
LAYERS = {
    "base": ("lib/base", []),
    "format": ("lib/format", ["base", "crypto"]),
    "crypto": ("lib/crypto", ["base"]),
    "link": ("lib/link", ["base", "update"]),
    "journal": ("lib/journal", ["base", "format", "port_api"]),
    "slots": ("lib/slots", ["base", "format"]),
    "update": ("lib/update", ["base", "format", "crypto", "journal", "slots", "port_api"]),
    "port_api": ("port/include", ["base"]),
    "port_stm32f407": ("port/stm32f407", ["base", "port_api"]),
    "port_fake": ("port/fake", ["base", "port_api", "flash_model"]),
    "port_posix": ("port/posix", ["base", "port_api"]),
    "port_linux": ("port/linux", ["base", "port_api"]),
    "port_twin": ("port/twin", ["base", "port_api", "twin"]),
    "bootloader": ("bootloader", ["base", "format", "crypto", "journal", "slots", "update", "port_api", "port_stm32f407"]),
    "agent": ("agent", ["base", "format", "update", "link", "port_stm32f407"]),
    "loader": ("loader", ["base", "agent", "port_stm32f407"]),
    "app": ("app", ["base", "agent"]),
    "examples": ("examples", ["agent", "port_stm32f407"]),
    "host_link_client": ("host/link_client", ["base", "update", "link", "port_api"]),
    "host_recover": ("host/recover", ["base", "format", "crypto", "update", "link", "port_api", "host_link_client"]),
    "host_s3": ("host/s3", ["base", "format", "crypto", "port_api"]),
    "host_release": ("host/release", ["base", "format", "crypto", "update", "port_api", "host_s3"]),
    "host_service": ("host/service", ["base", "port_api", "host_s3"]),
    "host_gateway": ("host/gateway", ["base", "format", "crypto", "update", "link", "port_api", "host_link_client", "host_s3"]),
    "host_report": ("host/report", ["base", "format", "update", "port_api", "host_s3", "host_gateway"]),
    "host_page": ("host/page", ["base", "port_api", "host_gateway"]),
    "host_page_server": ("host/page_server", ["base", "host_page"]),
    "host_esp32": ("host/esp32", ["base", "format", "crypto", "update", "link", "port_api", "host_link_client", "host_s3", "host_gateway", "host_page", "host_recover"]),
    "cli": ("cli", ["base", "format", "crypto", "update", "link", "port_api", "port_posix", "port_linux", "port_twin", "twin", "elf", "host_link_client", "host_s3", "host_release", "host_service", "host_gateway", "host_page", "host_page_server", "host_recover", "host_report"]),
    "demo": ("demo", ["base", "format", "journal", "update", "port_api", "port_posix", "port_twin", "twin", "host_link_client", "host_s3",
                      "host_release", "host_gateway", "cli"]),
    "bench": ("bench", ["base", "format", "crypto", "update", "link", "port_api", "port_twin", "twin", "elf", "host_link_client", "host_s3", "host_release"]),
    "cpu": ("twin/cpu", []),
    "bus": ("twin/bus", []),
    "flash_model": ("twin/flash_model", []),
    "dev": ("twin/dev", ["bus", "flash_model"]),
    "elf": ("twin/elf", []),
    "twin": ("twin", ["cpu", "bus", "dev", "flash_model", "elf"]),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def layer_of(path):
    """The layer whose folder is the longest prefix of `path`, or None."""
    best = None
    for name, (folder, _) in LAYERS.items():
        if path.startswith(folder + "/") and (best is None or len(folder) > len(LAYERS[best][0])):
            best = name
    return best


def public_headers(paths):
    """Map the name a header is included by (what follows .../include/) to its layer."""
    found = {}
    for path in paths:
        if path.endswith(".h"):
            layer = layer_of(path)
            name = path.split("/include/", 1)[1] if "/include/" in path else path.rsplit("/", 1)[1]
            if layer:
                found.setdefault(name, set()).add(layer)
    return found


def violations(files):
    """files: {path: text}. Yield one sentence per forbidden include."""
    headers = public_headers(files)
    for path, text in sorted(files.items()):
        layer = layer_of(path)
        if layer is None:
            continue
        allowed = set(LAYERS[layer][1]) | {layer}
        for name in INCLUDE.findall(text):
            owners = headers.get(name, set())
            if owners and not owners & allowed:
                yield f"{path}: includes \"{name}\" of layer {'/'.join(sorted(owners))}; {layer} may only include " \
                      f"{', '.join(sorted(allowed - {layer})) or 'nothing'}"


def table():
    rows = ["| layer | folder | may include |", "|---|---|---|"]
    for name, (folder, allowed) in LAYERS.items():
        # A long list goes on in a row of its own.
        parts = textwrap.wrap(", ".join(allowed) or "–", 120)
        rows += [f"| {name} | `{folder}/` | {parts[0]} |"] + [f"| | | {part} |" for part in parts[1:]]
    return "\n".join(rows)


def tree():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.split()
    return {n: (ROOT / n).read_text() for n in names if (ROOT / n).exists()}


def self_test():
    good = {"lib/base/include/base/err.h": "", "lib/format/image.c": '#include "base/err.h"\n'}
    bad = {"lib/link/include/link/link.h": "", "lib/format/image.c": '#include "link/link.h"\n'}
    assert not list(violations(good)), "an allowed include was refused"
    assert len(list(violations(bad))) == 1, "a forbidden include was not seen"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if sys.argv[1:] == ["--table"]:
        return print(table())
    found = list(violations(tree()))
    page = ROOT / "docs/ARCHITECTURE.md"
    if page.exists() and table() not in page.read_text():
        found.append("docs/ARCHITECTURE.md: the layer table differs from tools/check_layers.py --table")
    print("\n".join(found) or f"layers: {len(LAYERS)} layers, no forbidden include")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
