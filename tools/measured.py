"""What the tools that compile for another chip and measure share: a fault in words, a command, the header of a board."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Fault(Exception):
    """Over budget, or not to be measured."""


def run(*args):
    done = subprocess.run([str(a) for a in args], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Fault(f"{args[0]} failed:\n{done.stderr}")
    return done.stdout


def board_header(folder):
    """board/board.h of the default board, below this folder."""
    (folder / "board").mkdir(parents=True, exist_ok=True)
    run(sys.executable, ROOT / "tools/board.py", "header", "f407-disco", folder / "board/board.h")
