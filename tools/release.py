#!/usr/bin/env python3
"""Make the files of a release in build/release/.

  firmware/   root (bootloader.elf, .bin), loader.img, demo images for both slots, all signed with the given keys
  keys/       the public keys: gateways and auditors need them
  fota, local_s3.py, fota-needs.txt    the command, its S3 server, and the shared libraries that it needs
  *-source.tar.gz, examples.tar.gz     what it was made from
  *-cube-*.zip the agent for projects of STM32CubeIDE and CubeMX (tools/cube_pack.py)
  sbom.spdx.json, CHANGELOG.md, LICENSE, SHA256SUMS

Everything is compiled anew under build/release-work/, without ccache. Two runs at one commit, with the same keys, give the same
bytes in whichever folder they run (tests/release).

Refused: changes that are not committed, and development keys. A folder of development keys has the file DEVELOPMENT-KEYS (the
firmware build makes it); a key is also known as one if it is in build/keys.

Usage: release.py --keys DIR [--counter N]     DIR: made by `fota keygen --dir DIR`, with the private image key
       release.py --self-test
"""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from check_version import PLACE, version_of  # noqa: E402
from keys_header import DEVELOPMENT_MARK, PAIRS, TRUSTED, BadKey, develop, read_spki  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build/release"
WORK = ROOT / "build/release-work"
DEVELOPMENT = ROOT / "build/keys"


class Refused(Exception):
    """Why no release is made, and what to do."""


def run(*command, **more):
    """Run a command; its output is shown only if it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CMAKE_") and k != "CC"}
    environment["LC_ALL"] = "C"
    done = subprocess.run([str(c) for c in command], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    if done.returncode != 0:
        raise Refused(f"{done.stdout}\n{' '.join(str(c) for c in command)} failed with {done.returncode}")
    return done.stdout


def check_tree():
    changed = run("git", "status", "--porcelain").splitlines()
    if changed:
        raise Refused(f"the tree has {len(changed)} change(s) that are not committed ({changed[0].strip()}); commit or remove them, "
                      "so that the release is what the commit says")


def ids_of(folder):
    return {hashlib.sha256(read_spki(path)).hexdigest()[:16]: path.name for path in sorted(folder.glob("*.pub.pem"))}


def check_keys(folder, development=DEVELOPMENT):
    """Refuse keys that somebody may have published: those of the firmware build."""
    advice = "make keys of your own with `fota keygen --dir DIR` and keep the private halves out of the tree"
    if not folder.is_dir():
        raise Refused(f"{folder} is no folder; {advice}")
    if (folder / DEVELOPMENT_MARK).exists() or folder.resolve() == development.resolve():
        raise Refused(f"{folder} holds development keys, a release must not trust them; {advice}")
    for name in TRUSTED:
        read_spki(folder / f"{name}.pub.pem")
    known = ids_of(development)
    for key_id, name in ids_of(folder).items():
        if key_id in known:
            raise Refused(f"{folder / name} is the development key {known[key_id]} of {development} (key id {key_id}), "
                          f"a release must not trust it; {advice}")
    if not (folder / "image-key.pem").is_file():
        raise Refused(f"{folder / 'image-key.pem'} is missing; the private image key signs the loader and the images")


def build(keys):
    """Root, loader, demo applications and command, compiled from nothing."""
    shutil.rmtree(WORK, ignore_errors=True)
    jobs = ("-j", os.cpu_count() or 1)
    # Nothing of the tests is released; the demo of the host side is the story, the firmware's demo the images.
    for preset, more, targets in (("host", ("-DFOTA_BUILD_TESTS=OFF", "-DFOTA_BUILD_DEMO=OFF"), ("--target", "fota")),
                                  ("f407", ("-DFOTA_BUILD_TESTS=OFF", f"-DFOTA_KEYS_DIR={keys}"), ())):
        print(f"release: build {preset}", flush=True)
        run("cmake", "--preset", preset, "-B", WORK / preset, *more)
        run("cmake", "--build", WORK / preset, *jobs, *targets)


def sign(fota, binary, slot, version, keys, counter, out):
    hardware = (WORK / "f407/loader/loader.hw").read_text().strip()
    run(fota, "sign", "--slot", slot, "--version", version, "--hw", hardware, "--counter", counter,
        "--key", keys / "image-key.pem", "--out", out, binary)


def add_firmware(version, keys, counter):
    folder, made, fota = OUT / "firmware", WORK / "f407", WORK / "host/cli/fota"
    folder.mkdir()
    for name in ("bootloader.elf", "bootloader.bin"):
        shutil.copy(made / "bootloader" / name, folder / name)
    sign(fota, made / "loader/loader.bin", "loader", version, keys, counter, folder / "loader.img")
    binaries = sorted((made / "app").glob("demo-*-[ab].bin"))
    if not binaries:
        raise Refused(f"{made / 'app'} has no demo-*-a.bin: the firmware build made no demo application")
    for path in binaries:
        _, number, slot = path.stem.split("-")
        sign(fota, path, slot, number, keys, counter, folder / f"{path.stem}.img")
    (OUT / "keys").mkdir()
    for name in PAIRS:
        if (keys / f"{name}.pub.pem").exists():
            shutil.copy(keys / f"{name}.pub.pem", OUT / "keys")


def add_command():
    fota = WORK / "host/cli/fota"
    run("strip", "-o", OUT / "fota", fota)
    shutil.copy(WORK / "host/cli/local_s3.py", OUT)
    # Names and folders only: the addresses of ldd differ from run to run.
    needs = sorted(line.split("=>")[0].strip() for line in run("ldd", fota).splitlines() if "=>" in line)
    text = "The command needs these shared libraries (Debian 12: libbearssl0, libcurl4 and what those need):\n"
    (OUT / "fota-needs.txt").write_text(text + "".join(f"  {name}\n" for name in needs))


def add_sources(version):
    prefix = f"stm32f407-fota-{version}"
    run("git", "archive", f"--prefix={prefix}/", "-o", OUT / f"{prefix}-source.tar.gz", "HEAD")
    if (ROOT / "examples").is_dir():
        run("git", "archive", "-o", OUT / "examples.tar.gz", "HEAD", "examples")
    for name in ("CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, OUT)


def add_sums():
    files = sorted(p for p in OUT.rglob("*") if p.is_file())
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(OUT)}\n" for p in files]
    (OUT / "SHA256SUMS").write_text("".join(lines))
    return len(files)


def release(keys, counter):
    check_keys(keys)
    check_tree()
    version = version_of((ROOT / PLACE).read_text())
    build(keys)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    add_firmware(version, keys, counter)
    add_command()
    add_sources(version)
    run(ROOT / "tools/cube_pack.py", WORK / "f407", OUT)
    run(ROOT / "tools/sbom.py", OUT, OUT / "sbom.spdx.json")
    print(f"release: {version}, {add_sums()} files and SHA256SUMS in {OUT}")


def self_test():
    """Keys: each kind of development key is refused, a fresh set is not."""
    with tempfile.TemporaryDirectory() as tmp:
        ours, fresh = Path(tmp, "development"), Path(tmp, "fresh")
        develop(str(ours), None)
        develop(str(fresh), None)
        (fresh / DEVELOPMENT_MARK).unlink()
        check_keys(fresh, ours)
        cases = [(ours, Path(tmp, "none"), "holds development keys"), (Path(tmp, "none"), ours, "is no folder")]
        for wrong, known, words in cases:
            expect(wrong, known, words)
        (fresh / "image-key.pem").rename(fresh / "kept")
        expect(fresh, ours, "image-key.pem is missing")
        shutil.copy(ours / "next-key.pub.pem", fresh)
        expect(fresh, ours, "is the development key next-key.pub.pem")


def expect(keys, known, words):
    try:
        check_keys(keys, known)
    except Refused as error:
        assert words in str(error), f"expected '{words}', got '{error}'"
    else:
        raise AssertionError(f"not refused: {words}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("Usage: ")[1])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--keys", type=Path)
    parser.add_argument("--counter", type=int, default=1)
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if args.keys is None:
        parser.error("give the folder of the release's keys with --keys")
    try:
        release(args.keys.resolve(), args.counter)
    except (Refused, BadKey, OSError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
