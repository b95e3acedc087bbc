#!/usr/bin/env python3
"""Put the ESP32 gateway together: an ESP-IDF component and an Arduino library, from one source.

    component   OUT/fota_gateway/     host/esp32 with the core below core/, a licence and the example project
    arduino     OUT/FotaGateway.zip   library.properties, keywords.txt, src/, examples/ with a partitions.csv each

Everything that is compiled lies inside, as the component registry and the Arduino IDE want; what is written is checked: every
include of the library is found, no path leaves it, no file is there twice.

Usage: esp_component.py component|arduino OUT
       esp_component.py --self-test
"""
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORT = ROOT / "host/esp32"
# Folders of the core; of lib/link the codec only: the rest is the target's.
CORE = ["host/gateway", "host/s3", "host/link_client", "host/recover", "host/page", "lib/base", "lib/crypto", "lib/format", "lib/link"]
LEFT_OUT = {"lib/link/link_slave.c", "lib/link/link_session.c", "lib/link/link_pump.c"}
HEADERS_ONLY = ["port/include/port/*.h", "lib/update/include/update/boot_services.h"]
# Headers of the system that the sources may include, beside ESP-IDF's.
SYSTEM = re.compile(r"^(std\w+|string|inttypes|time|assert|limits)\.h$")
IDF = re.compile(r"^(freertos/|driver/|esp_|nvs|sdkconfig\.h|soc/)")
# Categories of the Arduino library index.
CATEGORIES = {"Communication", "Data Processing", "Data Storage", "Device Control", "Display", "Other", "Sensors", "Signal Input/Output", "Timing", "Uncategorized"}
# What the example needs and ESP-IDF does not set by itself.
DEFAULTS = ["CONFIG_FREERTOS_HZ=1000", "CONFIG_ESP_TASK_WDT_PANIC=y", "CONFIG_MBEDTLS_CERTIFICATE_BUNDLE=y", "CONFIG_MBEDTLS_CERTIFICATE_BUNDLE_DEFAULT_CMN=y",
            "CONFIG_MBEDTLS_DYNAMIC_BUFFER=y", "CONFIG_MBEDTLS_DYNAMIC_FREE_CONFIG_DATA=y", "CONFIG_MBEDTLS_DYNAMIC_FREE_CA_CERT=y", "CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y",
            "CONFIG_HTTPD_MAX_REQ_HDR_LEN=1024", "CONFIG_ESPTOOLPY_FLASHSIZE_4MB=y", "CONFIG_PARTITION_TABLE_CUSTOM=y",
            'CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"']
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


class Fault(Exception):
    """The package would not work."""


def core_files():
    """[(path in the project)] of every file that the port needs."""
    found = []
    for folder in CORE:
        found += [p for p in sorted((ROOT / folder).glob("*.[ch]"))] + sorted((ROOT / folder / "include").rglob("*.h"))
    for pattern in HEADERS_ONLY:
        found += sorted(ROOT.glob(pattern))
    return [p.relative_to(ROOT) for p in found if str(p.relative_to(ROOT)) not in LEFT_OUT]


def board(out):
    """The generated headers of the default board, and the table of all boards."""
    tool = [sys.executable, str(ROOT / "tools/board.py"), "--boards", str(ROOT / "boards")]
    out.mkdir(parents=True, exist_ok=True)
    (out / "board").mkdir(exist_ok=True)
    subprocess.run(tool + ["header", "f407-disco", str(out / "board/board.h")], check=True)
    subprocess.run(tool + ["table", str(out / "board_table.c")], check=True)


def page(out):
    """The files of the local page as a C file."""
    subprocess.run([sys.executable, str(ROOT / "host/page/embed.py"), str(ROOT / "host/page/files"), str(out)], check=True)


def fresh(folder):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def make_component(out):
    component = fresh(out / "fota_gateway")
    for name in ("CMakeLists.txt", "Kconfig", "idf_component.yml", "README.md", "CHANGELOG.md"):
        shutil.copy(PORT / name, component / name)
    shutil.copy(ROOT / "LICENSE", component / "LICENSE")
    shutil.copytree(PORT / "include", component / "include")
    shutil.copytree(PORT / "src", component / "src")
    example = component / "examples/fota_gateway"
    shutil.copytree(PORT / "example", example)
    shutil.copy(PORT / "partitions_4mb.csv", example / "partitions.csv")
    check_partitions((example / "partitions.csv").read_text(), 0x400000)
    check_defaults((example / "sdkconfig.defaults").read_text())
    core = component / "core"
    for path in core_files():
        (core / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, core / path)
    board(core / "board")
    page(core / "host/page/embedded.c")
    sources = sorted(str(p.relative_to(component)) for p in core.rglob("*.c"))
    folders = sorted({str(p.relative_to(component)) for p in core.rglob("include") if p.is_dir()}) + ["core/board"]
    (core / "core.cmake").write_text("# Written by tools/esp_component.py.\nset(FOTA_CORE_SOURCES\n" + "".join(f"    {s}\n" for s in sources)
                                     + ")\nset(FOTA_CORE_INCLUDES\n" + "".join(f"    {f}\n" for f in folders) + ")\n")
    check(component, [component / "include", component / "src"] + [component / f for f in folders])
    return component


def make_library(folder):
    """Only src/ is on the include path there: public headers go to src/NAME/, sources with their private headers below src/core."""
    library = fresh(folder / "FotaGateway")
    src = library / "src"
    shutil.copytree(PORT / "include", src)
    shutil.copytree(PORT / "src", src / "port_esp32")
    for path in core_files():
        text = str(path)
        to = src / text.split("/include/", 1)[1] if "/include/" in text else src / "core" / text.replace("/", "_", 1)
        if to.exists():
            raise Fault(f"{to.relative_to(library)} would be there twice")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, to)
    board(src)
    page(src / "core/host_page_embedded.c")
    for name in ("library.properties", "keywords.txt"):
        shutil.copy(PORT / "arduino" / name, library / name)
    shutil.copy(ROOT / "LICENSE", library / "LICENSE")
    shutil.copytree(PORT / "arduino/examples", library / "examples")
    for sketch in sorted(library.glob("examples/*/*.ino")):
        shutil.copy(PORT / "partitions_4mb.csv", sketch.parent / "partitions.csv")
    check(library, [src])
    check_library(library)
    return library


def make_zip(out):
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        library = make_library(Path(tmp))
        with zipfile.ZipFile(out / "FotaGateway.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(p for p in library.rglob("*") if p.is_file()):
                info = zipfile.ZipInfo(str(path.relative_to(library.parent)), (1980, 1, 1, 0, 0, 0))
                info.external_attr = 0o644 << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(info, path.read_bytes())
    return out / "FotaGateway.zip"


def check(package, paths):
    """Every include is found, beside the file or on the paths, or belongs to ESP-IDF or the C library."""
    for path in sorted(package.rglob("*.[ch]")):
        if "example" in str(path.relative_to(package)):
            continue
        for kind, name in INCLUDE.findall(path.read_text()):
            if ".." in name.split("/"):
                raise Fault(f"{path.relative_to(package)}: the include of {name} leaves the package")
            is_here = (path.parent / name).exists() or any((p / name).exists() for p in paths)
            if not (is_here if kind == '"' and not IDF.match(name) else is_here or SYSTEM.match(name) or IDF.match(name)):
                raise Fault(f"{path.relative_to(package)}: {name} is not in the package")


def check_library(library):
    fields = dict(line.split("=", 1) for line in (library / "library.properties").read_text().splitlines() if "=" in line)
    check_properties(fields)
    for name in fields["includes"].split(","):
        if not (library / "src" / name).exists():
            raise Fault(f"library.properties: {name} is not in src/")
    check_keywords((library / "keywords.txt").read_text(), library / "src/fota_gateway")
    sketches = sorted(library.glob("examples/*/*.ino"))
    if len(sketches) < 2:
        raise Fault("two example sketches are wanted")
    for sketch in sketches:
        if sketch.stem != sketch.parent.name:
            raise Fault(f"{sketch.name}: a sketch has the name of its folder")
        if len(sketch.read_text().splitlines()) > 80:
            raise Fault(f"{sketch.name}: more than 80 lines")
        check_partitions((sketch.parent / "partitions.csv").read_text(), 0x400000)


def check_properties(fields):
    """What the Arduino IDE and its library index ask for."""
    missing = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures", "includes"} - set(fields)
    if missing:
        raise Fault(f"library.properties has no {', '.join(sorted(missing))}")
    if not re.fullmatch(r"\d+\.\d+\.\d+", fields["version"]) or not re.fullmatch(r"[A-Za-z][\w .-]{0,62}", fields["name"]):
        raise Fault("library.properties: name or version has not the form that the IDE takes")
    if fields["architectures"] != "esp32" or fields["category"] not in CATEGORIES:
        raise Fault("library.properties: architectures is esp32, category one of the IDE's list")
    if fields.get("dot_a_linkage") == "true":
        raise Fault("library.properties: dot_a_linkage hides verifyRollbackLater from the core")


def check_keywords(text, headers):
    """Each line has its form, and names what a header declares; each function of the headers is there."""
    declared = "".join(p.read_text() for p in sorted(headers.glob("*.h")))
    names = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not re.fullmatch(r"\w+\t(KEYWORD[123]|LITERAL[12])", line):
            raise Fault(f"keywords.txt:{number}: a name, one TAB and a class are wanted")
        names.add(line.split("\t")[0])
    unknown = sorted(name for name in names if not re.search(rf"\b{name}\b", declared))
    missing = sorted(set(re.findall(r"^[a-z][\w *]*?\b(fota_gateway_\w+)\(", declared, re.M)) - names)
    if unknown or missing:
        raise Fault(f"keywords.txt: {', '.join(unknown) or 'nothing'} is in no header, {', '.join(missing) or 'nothing'} is missing")


def partition_rows(text):
    """[(name, type, subtype, offset, size)]"""
    rows = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, kind, subtype, off, size = [field.strip() for field in line.split(",")][:5]
        rows.append((name, kind, subtype, int(off, 16), int(size, 16)))
    return rows


def check_partitions(text, flash_bytes):
    """NVS, two applications with their otadata, and room for three images of 384 KB; nothing overlaps, everything begins where it may."""
    end, names, found = 0x9000, set(), {}
    for name, kind, subtype, off, size in sorted(partition_rows(text), key=lambda row: row[3]):
        if off < end or off + size > flash_bytes or off % (0x10000 if kind == "app" else 0x1000) != 0 or size % 0x1000 != 0:
            raise Fault(f"partitions.csv: {name} overlaps, or ends after the flash, or begins or ends at no boundary")
        if len(name) > 16 or name in names:
            raise Fault(f"partitions.csv: {name} is there twice, or longer than 16 characters")
        end = off + size
        names.add(name)
        found[(kind, subtype)] = size
        found[name] = size
    wanted = {("data", "nvs"): 0x5000, ("data", "ota"): 0x2000, ("app", "ota_0"): 0x140000, ("app", "ota_1"): 0x140000, "fota_stage": 3 * 384 * 1024 + 36 * 1024}
    for what, least in wanted.items():
        if found.get(what, 0) < least:
            raise Fault(f"partitions.csv: {what} is wanted with {least} bytes or more, it has {found.get(what, 0)}")


def check_defaults(text):
    """The example's sdkconfig.defaults holds what the port needs and ESP-IDF does not have by default."""
    have = {line for line in text.splitlines() if line and not line.startswith("#")}
    missing = [line for line in DEFAULTS if line not in have]
    wrong = [line for line in have if not re.fullmatch(r'CONFIG_\w+=(y|n|\d+|"[^"]*")', line)]
    if missing or wrong:
        raise Fault(f"sdkconfig.defaults: {', '.join(missing) or 'nothing'} is missing, {', '.join(wrong) or 'nothing'} has no form")


def refuses(call, *args):
    try:
        call(*args)
    except Fault:
        return True
    return False


def self_test():
    good = (PORT / "partitions_4mb.csv").read_text()
    check_partitions(good, 0x400000)
    for old, new in (("0x160000", "0x260000"), ("fota_stage", "other"), ("0x150000", "0x151000"), ("0x160000", "0x100000"), ("ota_1", "ota_2"),
                     ("otadata,", "app0,"), ("0xE000", "0xC000")):
        assert old in good and refuses(check_partitions, good.replace(old, new), 0x400000), f"a partition table with {new} was taken"
    defaults = (PORT / "example/sdkconfig.defaults").read_text()
    check_defaults(defaults)
    assert refuses(check_defaults, defaults.replace("CONFIG_ESP_TASK_WDT_PANIC=y", "")) and refuses(check_defaults, defaults + "CONFIG_X: y\n")
    fields = dict(line.split("=", 1) for line in (PORT / "arduino/library.properties").read_text().splitlines())
    check_properties(fields)
    for key, value in (("version", "1.0"), ("architectures", "*"), ("category", "Cars"), ("dot_a_linkage", "true")):
        assert refuses(check_properties, {**fields, key: value}), f"library.properties with {key}={value} was taken"
    assert refuses(check_properties, {k: v for k, v in fields.items() if k != "sentence"})
    keywords = (PORT / "arduino/keywords.txt").read_text()
    check_keywords(keywords, PORT / "include/fota_gateway")
    for bad in (keywords + "fota_gateway_nothing\tKEYWORD2\n", keywords.replace("fota_gateway_open\tKEYWORD2\n", ""), keywords.replace("\t", " ", 1)):
        assert refuses(check_keywords, bad, PORT / "include/fota_gateway"), "wrong keywords were taken"
    with tempfile.TemporaryDirectory() as tmp:
        for text in ('#include "../x.h"\n', '#include "not/there.h"\n', "#include <unistd.h>\n"):
            Path(tmp, "a.c").write_text(text)
            assert refuses(check, Path(tmp), [Path(tmp)]), f"{text} was taken"
    print("esp_component: self-test passed")


def main(args):
    if args == ["--self-test"]:
        return self_test()
    if len(args) != 2 or args[0] not in ("component", "arduino"):
        raise Fault("say component or arduino, and a folder")
    made = make_component(Path(args[1])) if args[0] == "component" else make_zip(Path(args[1]))
    print(f"{made}: made and checked")
    return None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, OSError, subprocess.CalledProcessError) as fault:
        print(f"esp_component: {fault}", file=sys.stderr)
        sys.exit(1)
