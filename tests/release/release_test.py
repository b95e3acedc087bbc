#!/usr/bin/env python3
"""A release: what it refuses, what is in it, and that two folders give the same bytes.

The tree, with changes that are not committed yet, is copied to two folders with paths of different lengths; each is a repository
with the same one commit.

* `tools/release.py` compiles everything in the first. The builds of this tree (build/host, build/f407) are the other half of the
  comparison: root, loader, demo and command must be the same in every byte, debug information included. The root has keys in it, so it is
  linked once more with this tree's.
* In the second folder it runs with the first one's programs, so that all that it makes of them is compared too: images, bill of materials,
  cube pack, tarballs.
* An example is built from the released tarballs alone.

Usage: release_test.py FOTA             FOTA: this tree's command; exit 0 passed, 77 skipped (no firmware yet), else failed
       release_test.py FOTA --planted   by hand: with __FILE__ in a source and without the path maps the comparison must fail
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
    (folder / "build").mkdir()
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


def differences(work):
    """What another folder compiled, and this tree's build of the same."""
    names = ["host/cli/fota", "f407/bootloader/bootloader.elf", "f407/loader/loader.elf", "f407/loader/loader.bin"]
    names += [str(path.relative_to(work)) for path in sorted((work / "f407/app").glob("demo-*.elf"))]
    return len(names), [name for name in names if (work / name).read_bytes() != (ROOT / "build" / name).read_bytes()]


def check_builds(tree, tmp):
    """The programs of the first folder and those of this tree."""
    work, keys = tree / "build/release-work", tmp / "keys of this tree"
    shutil.copytree(ROOT / "build/keys", keys)
    run("cmake", f"-DFOTA_KEYS_DIR={keys}", "-B", work / "f407")
    run("cmake", "--build", work / "f407", "--target", "fota_bootloader")
    n_programs, differ = differences(work)
    assert not differ, f"two folders, two results: {', '.join(differ)}; if this tree's build is older than its sources: make fw"
    print(f"ok   {n_programs} programs have the same bytes as in {ROOT / 'build'}")


AGAIN = """import json, sys
sys.path.insert(0, "tools")
import release
here, there = str(release.ROOT), sys.argv[1]
def build(keys):
    release.shutil.copytree(there + "/build/release-work", release.WORK)
    path = release.WORK / "f407/compile_commands.json"
    entries = json.loads(path.read_text())
    spelled = {"command": here.replace(" ", "\\\\ ")}
    path.write_text(json.dumps([{k: v.replace(there, spelled.get(k, here)) for k, v in entry.items()} for entry in entries]))
release.build = build
release.release(release.Path(sys.argv[2]), 1)
"""


def check_same(one, other, keys):
    run(sys.executable, "-c", AGAIN, one, keys, cwd=other)
    first, second = ((tree / "build/release/SHA256SUMS").read_text().splitlines() for tree in (one, other))
    differ = sorted({line.split("  ", 1)[1] for line in set(first) ^ set(second)})
    assert not differ, f"two folders, two results: {', '.join(differ)}"
    print(f"ok   {len(first)} files have the same bytes from {len(str(one))} and {len(str(other))} characters of path")


def check_example(release, folder):
    """An example is built from the tarballs, signed by the released command; only ST's files come from elsewhere."""
    folder.mkdir()
    for name in ("examples.tar.gz", next(release.glob("*-source.tar.gz")).name):
        run("tar", "xf", release / name, cwd=folder)
    source = next(folder.glob("*/CMakeLists.txt")).parent
    run("cmake", "-S", folder / "examples/minimal", "-B", folder / "build", "-G", "Ninja", f"-DFOTA_DIR={source}", "-DCMAKE_BUILD_TYPE=MinSizeRel",
        f"-DCMAKE_TOOLCHAIN_FILE={source}/cmake/toolchain_arm_none_eabi.cmake", f"-DFOTA_COMMAND={release / 'fota'}",
        f"-DFOTA_ST_DRIVERS={ROOT / 'node_modules/@micro-os-plus/platform-stm32f4discovery/stm32cubemx/Drivers'}",
        f"-DFOTA_SIGN_KEY={folder.parent / 'keys/image-key.pem'}")
    run("cmake", "--build", folder / "build", "--target", "minimal-a")
    run(release / "fota", "inspect", "--keys", release / "keys", folder / "build/minimal-a.img")
    print("ok   examples/minimal is built from the tarballs alone")


def object_of(tree):
    """main.c of the command, compiled: what two folders must agree in before anything is linked."""
    work, name = tree / "build/release-work/host", "cli/CMakeFiles/fota.dir/main.c.o"
    run("cmake", "--preset", "host", "-DFOTA_BUILD_TESTS=OFF", "-DFOTA_BUILD_DEMO=OFF", "-B", work, cwd=tree)
    run("cmake", "--build", work, "--target", name, cwd=tree)
    return (work / name).read_bytes()


def check_planted(trees):
    """__FILE__ in a source is harmless with the path maps; without them it is the whole path, and the comparison sees it."""
    for tree in trees:
        main_c = tree / "cli/main.c"
        main_c.write_text(main_c.read_text() + "\nextern const char planted_path[];\nconst char planted_path[] = __FILE__;\n")
    assert object_of(trees[0]) == object_of(trees[1]), "with the maps, __FILE__ must be the same from both folders"
    for tree in trees:
        maps = tree / "cmake/fota_reproducible.cmake"
        maps.write_text(re.sub(r"set\(FOTA_PREFIX_MAPS .*\)", "set(FOTA_PREFIX_MAPS -DNO_MAPS)", maps.read_text()))
    first, second = (object_of(tree) for tree in trees)
    assert first != second and str(trees[0]).encode() in first, "the planted path was not seen"
    print("ok   __FILE__ does no harm; without the path maps the comparison fails")


def main():
    fota = Path(sys.argv[1]).resolve()
    if not (ROOT / "build/f407/loader/loader.elf").exists():
        print("skipped: no firmware in build/f407; make fw builds it")
        return 77
    run(ROOT / "tools/release.py", "--self-test")
    run(ROOT / "tools/sbom.py", "--self-test")
    run(ROOT / "tools/cube_pack.py", "--self-test")
    with tempfile.TemporaryDirectory() as name:
        tmp = Path(name)
        keys, develop = tmp / "keys", tmp / "develop"
        run(ROOT / "tools/keys_header.py", "--develop", "--fota", fota, develop, tmp / "unused.h")
        run(fota, "keygen", "--dir", keys)
        trees = [tmp / "one", tmp / "another/folder/with a longer path"]
        for tree in trees:
            tree.mkdir(parents=True)
            copy_tree(tree)
        if sys.argv[2:] == ["--planted"]:
            check_planted(trees)
            return 0
        check_refusals(trees[0], keys, develop)
        run(trees[0] / "tools/release.py", "--keys", keys, cwd=trees[0])
        release = trees[0] / "build/release"
        check_sums(release)
        check_sbom(trees[0], release)
        check_images(release, keys)
        check_same(*trees, keys)
        check_builds(trees[0], tmp)
        check_example(release, tmp / "elsewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
