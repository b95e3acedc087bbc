#!/usr/bin/env python3
"""Make the bill of materials of a release: SPDX 2.3 in JSON.

It names our sources (each file with its hash, at which commit), each file of the release, and everything from others that is in
them or made them: the Debian packages of tools/setup.sh in the versions of this machine, ST's npm package as package-lock.json pins
it, BearSSL's source as tools/setup.sh pins it. The same commit on the same machine gives the same bytes: the date is the commit's.

Usage: sbom.py RELEASE_DIR OUTPUT.json
       sbom.py --self-test
"""
import base64
import hashlib
import json
import re
import subprocess
import sys
import urllib.parse
import uuid
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from check_version import PLACE, version_of  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SETUP = ROOT / "tools/setup.sh"
US = "SPDXRef-Package-stm32f407-fota"
NAME = "stm32f407-fota"

# How a Debian package relates to what is shipped; every other one is a tool of build or test.
LINKED = {"libbearssl-dev": ("DEPENDS_ON", "MIT"), "libcurl4-openssl-dev": ("DEPENDS_ON", "curl"),
          "libc6-dev": ("DEPENDS_ON", "LGPL-2.1-or-later"),
          "gcc-arm-none-eabi": ("CONTAINS", "GPL-3.0-or-later WITH GCC-exception-3.1"),
          "libnewlib-arm-none-eabi": ("CONTAINS", "NOASSERTION")}


def debian_names(setup):
    """Names in the list `packages='...'` of setup.sh."""
    block = re.search(r"^packages='\n(.*?)^'", setup, re.S | re.M).group(1)
    return [line.split(":", 1)[0] for line in block.splitlines() if line]


def pinned(setup, name):
    return re.search(rf"^{name}='([^']*)'", setup, re.M).group(1)


def debian_version(name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], text=True, capture_output=True)
    return done.stdout.strip() if done.returncode == 0 and done.stdout.strip() else "NOASSERTION"


def identifier(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name, version, purl, licence="NOASSERTION", **more):
    found = {"SPDXID": identifier("Package", name), "name": name, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
             "licenseConcluded": "NOASSERTION", "licenseDeclared": licence, "copyrightText": "NOASSERTION",
             "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]}
    if version != "NOASSERTION":
        found["versionInfo"] = version
    return {**found, **more}


def debian_packages(setup, version=debian_version):
    """(package, relationship) of each entry of setup.sh."""
    for name in debian_names(setup):
        relation, licence = LINKED.get(name, ("BUILD_TOOL_OF", "NOASSERTION"))
        number = version(name)
        purl = f"pkg:deb/debian/{name}" + ("" if number == "NOASSERTION" else "@" + urllib.parse.quote(number))
        yield package(name, number, purl, licence), relation


ST_HEADERS = "ST's CMSIS headers (root, loader, applications) and HAL (demo applications)"
TEST_SERVER = "the second S3 server of the tests, or a part of it; in no file of the release"


def npm_packages(lock):
    """As debian_packages. One package may lie in several folders, and in several versions."""
    unique = {(path.split("node_modules/")[-1], entry["version"]): entry for path, entry in lock["packages"].items() if path}
    for (name, _), entry in unique.items():
        digest = entry["integrity"].removeprefix("sha512-")
        checksum = {"algorithm": "SHA512", "checksumValue": base64.b64decode(digest).hex()}
        purl = f"pkg:npm/{urllib.parse.quote(name)}@{entry['version']}"
        comment, kind = ((TEST_SERVER, "TEST_TOOL_OF") if entry.get("dev") else (ST_HEADERS, "CONTAINS"))
        yield package(name, entry["version"], purl, entry.get("license", "NOASSERTION"), checksums=[checksum], comment=comment,
                      SPDXID=identifier("Package", purl)), kind


def bearssl_source(setup):
    version = pinned(setup, "bearssl_version")
    checksum = {"algorithm": "SHA256", "checksumValue": pinned(setup, "bearssl_sha256")}
    return package("bearssl-source", version, f"pkg:deb/debian/bearssl@{urllib.parse.quote(version)}?arch=source", "MIT",
                   checksums=[checksum], comment="compiled for make bench only; in no file of the release"), "TEST_TOOL_OF"


def file_entry(name, content, comment):
    sums = [{"algorithm": kind, "checksumValue": hashlib.new(kind.lower(), content).hexdigest()} for kind in ("SHA1", "SHA256")]
    # The name may hold characters that an identifier may not, and two names may differ in those only.
    return {"SPDXID": "SPDXRef-File-" + hashlib.sha256((comment + name).encode()).hexdigest()[:16], "fileName": "./" + name,
            "checksums": sums, "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION", "comment": comment}


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def related(entry, kind):
    """Tools point to us, contents are pointed at by us."""
    return relation(entry["SPDXID"], kind, US) if kind.endswith("_OF") else relation(US, kind, entry["SPDXID"])


def document(version, commit, date, sources, released, others):
    ours = package(NAME, version, f"pkg:generic/{NAME}@{version}", "MIT", SPDXID=US, filesAnalyzed=True, sourceInfo=f"git commit {commit}")
    source_files = [file_entry(name, content, "source") for name, content in sources]
    out_files = [file_entry(name, content, "released file") for name, content in released]
    sums = sorted(entry["checksums"][0]["checksumValue"] for entry in source_files)
    ours["packageVerificationCode"] = {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()}
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", US)]
    relations += [relation(US, "CONTAINS", entry["SPDXID"]) for entry in source_files]
    relations += [relation(entry["SPDXID"], "GENERATED_FROM", US) for entry in out_files]
    relations += [related(entry, kind) for entry, kind in others]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"{NAME}-{version}",
            "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, ' '.join([NAME, version, commit]))}",
            "creationInfo": {"created": date, "creators": ["Tool: tools/sbom.py"]},
            "packages": [ours] + [entry for entry, _ in others], "files": source_files + out_files, "relationships": relations}


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, text=True, capture_output=True).stdout.strip()


def make(folder, output):
    setup = SETUP.read_text()
    others = list(debian_packages(setup)) + list(npm_packages(json.loads((ROOT / "package-lock.json").read_text())))
    others.append(bearssl_source(setup))
    sources = [(name, (ROOT / name).read_bytes()) for name in git("ls-files").splitlines()]
    released = [(str(p.relative_to(folder)), p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file() and p != output]
    date = datetime.fromtimestamp(int(git("log", "-1", "--format=%ct")), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = document(version_of((ROOT / PLACE).read_text()), git("rev-parse", "HEAD"), date, sources, released, others)
    output.write_text(json.dumps(text, indent=1) + "\n")


def self_test():
    setup = "packages='\ngcc:why\nlibbearssl-dev:signs\n'\nbearssl_version='0.6'\nbearssl_sha256='ab'\n"
    lock = {"packages": {"": {}, "node_modules/@a/b": {"version": "1.0.0", "integrity": "sha512-AAAA"},
                         "node_modules/c": {"version": "2.0.0", "integrity": "sha512-AAAA", "dev": True},
                         "node_modules/c/node_modules/c": {"version": "1.0.0", "integrity": "sha512-AAAA", "dev": True}}}
    others = list(debian_packages(setup, lambda name: "1:2.0")) + list(npm_packages(lock)) + [bearssl_source(setup)]
    text = document("1.2.3", "c0ffee", "2026-01-01T00:00:00Z", [("a.c", b"a")], [("x.bin", b"x"), ("x-bin", b"x")], others)
    names = [entry["name"] for entry in text["packages"]]
    assert names == [NAME, "gcc", "libbearssl-dev", "@a/b", "c", "c", "bearssl-source"], names
    kinds = [entry["relationshipType"] for entry in text["relationships"]]
    assert kinds.count("TEST_TOOL_OF") == 3, kinds  # what only the tests need is contained in nothing
    ids = [entry["SPDXID"] for entry in text["packages"] + text["files"]]
    assert len(set(ids)) == len(ids), "two elements have one identifier"
    known = set(ids) | {"SPDXRef-DOCUMENT"}
    for entry in text["relationships"]:
        assert {entry["spdxElementId"], entry["relatedSpdxElement"]} <= known, f"{entry} points nowhere"


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 3:
        print(__doc__.split("Usage: ")[1], file=sys.stderr)
        return 2
    make(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
