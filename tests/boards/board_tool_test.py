#!/usr/bin/env python3
"""What tools/board.py promises: it refuses each planted board in one sentence with both numbers, and takes those of boards/.

Usage: board_tool_test.py
"""
import copy
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOL = ROOT / "tools/board.py"
PLANTED = json.loads((HERE / "planted.json").read_text())
GOOD = json.loads((ROOT / "boards/f407-disco/board.json").read_text())
PARTS = json.loads((ROOT / "boards/parts.json").read_text())


def run(*args):
    return subprocess.run([sys.executable, TOOL, *map(str, args)], text=True, capture_output=True)


def plant(case):
    """(board, parts): f407-disco with one thing wrong."""
    board, parts = copy.deepcopy(GOOD), copy.deepcopy(PARTS)
    board["name"] = "planted"
    board.update(case.get("board", {}))
    for name, change in case.get("parts", {}).items():
        parts[name].update(change)
    board["flash"] = [a for a in board["flash"] if a["base"] not in case.get("drop", [])]
    for use, change in [(case.get("area"), case.get("set", {})), *case.get("also", {}).items()]:
        for area in board["flash"]:
            if area["use"] == use:
                area.update(change)
                break
    board["flash"] += case.get("add", [])
    return board, parts


def write(folder, board, parts, name="planted"):
    (folder / name).mkdir()
    (folder / name / "board.json").write_text(json.dumps(board))
    (folder / "parts.json").write_text(json.dumps(parts))


def refusal(case):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), *plant(case))
        return run("--boards", folder, "check")


class Boards(unittest.TestCase):
    def test_each_planted_board_is_refused_in_one_sentence(self):
        for name, case in PLANTED.items():
            with self.subTest(name):
                result = refusal(case)
                self.assertEqual(result.returncode, 1, result.stdout)
                self.assertEqual(result.stderr.count("\n"), 1, "one sentence")
                for words in case["says"]:
                    self.assertIn(words, result.stderr)

    def test_cmake_stops_at_a_planted_board_with_its_sentence(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, *plant(PLANTED["overlap"]))
            (folder / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.25)\nproject(x NONE)\ninclude({ROOT}/cmake/fota_board.cmake)\n")
            result = subprocess.run(["cmake", "-S", folder, "-B", folder / "out", f"-DFOTA_BOARDS_FOLDER={folder}", "-DFOTA_BOARD=planted"],
                                    text=True, capture_output=True)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("loader ends at 0x0800c000 and application begins at 0x08008000: they overlap", " ".join(result.stderr.split()))
            self.assertFalse((folder / "out/generated/board/board.h").exists())

    def test_a_board_with_nothing_wrong_is_taken(self):
        result = refusal({})
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_all_boards_of_the_project_are_taken(self):
        result = run("check")
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in ("f407-disco", "f405rg", "f407ve"):
            self.assertIn(f"{name}: ", result.stdout)

    def test_no_header_is_written_for_a_board_that_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), *plant(PLANTED["overlap"]))
            out = Path(folder) / "board.h"
            self.assertEqual(run("--boards", folder, "header", "planted", out).returncode, 1)
            self.assertFalse(out.exists())

    def test_a_board_that_is_not_there_is_named_with_those_that_are(self):
        result = run("check", "f499")
        self.assertEqual(result.returncode, 1)
        self.assertIn("board f499: ", result.stderr)
        self.assertIn("f405rg, f407-disco, f407ve", result.stderr)

    def test_a_right_header_is_not_written_again(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "board.h"
            run("header", "f407ve", out)
            before = out.stat().st_mtime_ns
            run("header", "f407ve", out)
            self.assertEqual(before, out.stat().st_mtime_ns)

    def test_the_header_has_the_numbers_of_the_board(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "board.h"
            self.assertEqual(run("header", "f407ve", out).returncode, 0)
            found = dict(line.split(None, 2)[1:] for line in out.read_text().splitlines() if line.startswith("#define") and len(line.split()) > 2)
        wanted = {"BOARD_NAME": '"f407ve"', "FLASH_MAP_BYTES": "0x00080000", "FLASH_SECTORS": "8", "FLASH_SLOT_SECTORS": "1",
                  "FLASH_SLOT_A_SECTOR": "5", "FLASH_SLOT_B_SECTOR": "6", "FLASH_J0_SECTOR": "2", "FLASH_J1_SECTOR": "3",
                  "FLASH_NEVER_WRITTEN": f"0x{1 << 0 | 1 << 4 | 1 << 7:08X}", "RAM_REQUEST_ADDR": "0x2001FFF8"}
        self.assertEqual(wanted, {key: found.get(key) for key in wanted})


if __name__ == "__main__":
    unittest.main()
