#!/usr/bin/env python3
"""A release: what it refuses, what is in it, and that two folders give the same bytes.

The tree, with changes that are not committed yet, is copied to two folders with paths of different lengths; each is a repository
with the same one commit. `tools/release.py` runs in both with one set of fresh keys. The two must agree in every byte: root, loader,
demo images, the command, the bill of materials and the sources.

Usage: release_test.py FOTA      FOTA: a built command, for `fota keygen`
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SURE = {"GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@localhost", "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@localhost", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}


def run(*command, cwd=None, fails=False):
    done = subprocess.run([str(c) for c in command], cwd=cwd, env={**os.environ, **SURE}, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert (done.returncode != 0) == fails, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def copy_tree(folder):
    names = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "node_modules", folder / "node_modules", symlinks=True)
    # The bench's list of sources wants BearSSL's; a release compiles nothing of it.
    (folder / "build").mkdir()
    (folder / "build/third_party").symlink_to(ROOT / "build/third_party")
    run("git", "init", "-q", "-b", "main", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "release test", cwd=folder)


def refuses(tree, keys, words):
    text = run(tree / "tools/release.py", "--keys", keys, cwd=tree, fails=True)
    assert words in text, f"expected '{words}', got:\n{text}"
    assert not (tree / "build/release").exists(), f"a release was made although: {words}"
    print(f"ok   refused: {words}")


def check_refusals(tree, keys, develop):
    refuses(tree, tree / "build/none", "is no folder; make keys of your own with `fota keygen")
    refuses(tree, develop, "holds development keys, a release must not trust them")
    copied = keys.parent / "copied"
    shutil.copytree(develop, copied)
    (copied / "DEVELOPMENT-KEYS").unlink()
    shutil.copytree(develop, tree / "build/keys")
    refuses(tree, copied, "is the development key")
    shutil.rmtree(tree / "build/keys")
    page = tree / "README.md"
    old = page.read_text()
    page.write_text(old + "\n")
    refuses(tree, keys, "change(s) that are not committed (M README.md)")
    page.write_text(old)


def check_sums(release):
    run("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS", cwd=release)
    listed = {line.split("  ", 1)[1] for line in (release / "SHA256SUMS").read_text().splitlines()}
    there = {str(p.relative_to(release)) for p in release.rglob("*") if p.is_file()} - {"SHA256SUMS"}
    assert listed == there, f"not in SHA256SUMS: {there - listed}"
    print(f"ok   SHA256SUMS holds for {len(there)} files")


def check_sbom(tree, release):
    bill = json.loads((release / "sbom.spdx.json").read_text())
    assert bill["spdxVersion"] == "SPDX-2.3" and bill["dataLicense"] == "CC0-1.0"
    packages = {p["name"]: p for p in bill["packages"]}
    setup = (tree / "tools/setup.sh").read_text()
    wanted = set(re.findall(r"^([a-z0-9.+-]+):\S", re.search(r"^packages='\n(.*?)^'", setup, re.S | re.M).group(1), re.M))
    wanted |= {"bearssl-source", "@micro-os-plus/platform-stm32f4discovery"}
    assert wanted <= set(packages), f"the bill does not name {wanted - set(packages)}"
    for name in ("gcc-arm-none-eabi", "gcc", "libbearssl-dev", "@micro-os-plus/platform-stm32f4discovery"):
        assert packages[name].get("versionInfo"), f"the bill has no version of {name}"
    files = {f["fileName"]: f["checksums"][1]["checksumValue"] for f in bill["files"] if f["comment"] == "released file"}
    loader = (release / "firmware/loader.img").read_bytes()
    assert files["./firmware/loader.img"] == hashlib.sha256(loader).hexdigest(), "the bill has another loader.img"
    ids = {e["SPDXID"] for e in bill["packages"] + bill["files"]} | {"SPDXRef-DOCUMENT"}
    loose = [r for r in bill["relationships"] if not {r["spdxElementId"], r["relatedSpdxElement"]} <= ids]
    assert not loose, f"relationships of elements that are not there: {loose[:3]}"
    print(f"ok   sbom.spdx.json names {len(packages)} packages and {len(bill['files'])} files")


def check_images(release, keys):
    """The released command runs, and it accepts the released images with the released public keys."""
    assert run(release / "fota", "version").split()[1] in (release / "CHANGELOG.md").read_text()
    images = sorted((release / "firmware").glob("*.img"))
    assert len(images) >= 3, f"only {len(images)} images in the release"
    for image in images:
        run(release / "fota", "inspect", "--keys", release / "keys", image)
    point = bytes.fromhex(re.sub(r"[^0-9a-f]", "", run("openssl", "pkey", "-pubin", "-in", keys / "image-key.pub.pem", "-noout", "-text")
                                 .split("pub:")[1].split("ASN1")[0]))
    assert point in (release / "firmware/bootloader.bin").read_bytes(), "the root does not trust the release's image key"
    assert not list(release.rglob("*-key.pem")), "a private key is in the release"
    print(f"ok   {len(images)} images verify with the released keys")


def check_same(one, other):
    first, second = ((tree / "build/release/SHA256SUMS").read_text().splitlines() for tree in (one, other))
    differ = sorted({line.split("  ", 1)[1] for line in set(first) ^ set(second)})
    assert not differ, f"two folders, two results: {', '.join(differ)}"
    print(f"ok   {len(first)} files have the same bytes from {len(str(one))} and {len(str(other))} characters of path")


def main():
    fota = Path(sys.argv[1]).resolve()
    run(ROOT / "tools/release.py", "--self-test")
    run(ROOT / "tools/sbom.py", "--self-test")
    with tempfile.TemporaryDirectory() as tmp:
        keys, develop = Path(tmp, "keys"), Path(tmp, "develop")
        run(ROOT / "tools/keys_header.py", "--develop", "--fota", fota, develop, Path(tmp, "unused.h"))
        run(fota, "keygen", "--dir", keys)
        trees = [Path(tmp, "one"), Path(tmp, "another/folder/with a longer path")]
        for tree in trees:
            tree.mkdir(parents=True)
            copy_tree(tree)
        check_refusals(trees[0], keys, develop)
        for tree in trees:
            run(tree / "tools/release.py", "--keys", keys, cwd=tree)
        release = trees[0] / "build/release"
        check_sums(release)
        check_sbom(trees[0], release)
        check_images(release, keys)
        check_same(*trees)
    return 0


if __name__ == "__main__":
    sys.exit(main())
