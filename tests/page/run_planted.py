#!/usr/bin/env python3
"""Each test of the page notices its bug: run it on a rig with that bug planted (planted.json); it must fail.

Usage: run_planted.py BUILD_FOLDER [NAME...]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TABLE = HERE / "planted.json"
sys.path.insert(0, str(ROOT / "tests/powercut"))
import mutate  # noqa: E402


def run(*command, **kwargs):
    return subprocess.run([str(c) for c in command], text=True, capture_output=True, check=False, **kwargs)


def compile_commands(build):
    """{source: (folder, command)} of the rig's own files, as CMake compiles them."""
    rows = json.loads((build / "compile_commands.json").read_text())
    return {str(Path(r["file"]).relative_to(ROOT)): r for r in rows if Path(r["file"]).is_relative_to(ROOT)
            and "/page" in r["file"] and "/tests/" not in r["file"]}


def build_rig(build, bug, folder):
    """page_rig with the planted file in place of the sound one: what is named first is not taken from an archive."""
    source = folder / Path(bug["file"]).name
    text = mutate.mutate(ROOT, bug, TABLE)
    if bug["file"].endswith(".c"):
        source.write_text(text)
        kept = bug["file"]
    else:
        files = folder / "files"
        shutil.copytree(ROOT / "host/page/files", files)
        (files / source.name).write_text(text)
        source = folder / "embedded.c"
        done = run(sys.executable, ROOT / "host/page/embed.py", files, source)
        assert done.returncode == 0, done.stderr
        kept = str((build / "host/page/embedded.c").relative_to(ROOT))
    row = compile_commands(build)[kept]
    words = [w for w in row["command"].split() if w != "ccache"]
    at = words.index("-o")
    includes = [f"-I{(ROOT / kept).parent}"]
    done = run(*words[:at], *includes, "-o", folder / "planted.o", "-c", source, cwd=row["directory"])
    assert done.returncode == 0, f"{bug['name']} does not compile: {done.stderr}"
    rig = folder / "page_rig"
    libraries = [build / "host/page_server/libpage_server.a", build / "host/page/libpage.a", build / "host/gateway/libgateway.a"]
    more = sorted(build.glob("host/*/lib*.a")) + sorted(build.glob("lib/*/lib*.a"))
    done = run("cc", "-o", rig, *(build / f"tests/page/CMakeFiles/page_rig.dir/{name}.c.o" for name in ("page_rig", "rig_world")), folder / "planted.o", "-Wl,--start-group", *libraries,
               *[m for m in more if m not in libraries and m.name in ("libbase.a", "libformat.a", "libcrypto.a", "liblink_client.a", "libs3.a", "liblink.a")],
               "-Wl,--end-group", "-lmicrohttpd", "-lpthread")
    assert done.returncode == 0, f"{bug['name']} does not link: {done.stderr}"
    return rig


def what_happened(build, bug):
    """None if the test that is named for the bug ran and failed, else what happened instead."""
    kind = "browser" if "/files/" in bug["file"] else "api"
    with tempfile.TemporaryDirectory() as name:
        rig = build_rig(build, bug, Path(name))
        env = {**os.environ, "PAGE_RIG": str(rig), "PAGE_HANG_S": "20"}
        done = run(sys.executable, HERE / f"page_{kind}_test.py", bug["noticed_by"], env=env)
    if done.returncode == 77:
        return "skipped"
    return None if f"FAILED  {bug['noticed_by']}" in done.stdout else f"not noticed (ended with {done.returncode}): {done.stdout}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    bugs = [b for b in json.loads(TABLE.read_text()) if not sys.argv[2:] or b["name"] in sys.argv[2:]]
    n_missed = 0
    for bug in bugs:
        missed = what_happened(Path(sys.argv[1]).resolve(), bug)
        n_missed += missed is not None
        print(f"{bug['name']:24} {missed or 'noticed'} by {bug['noticed_by']}", flush=True)
    print(f"{len(bugs)} planted bugs, {len(bugs) - n_missed} noticed")
    return 1 if n_missed or not bugs else 0


if __name__ == "__main__":
    sys.exit(main())
