"""page_rig as a context: commands in, answers out."""
import os
import queue
import re
import subprocess
import tempfile
import threading
from pathlib import Path

# Of gateway.h and err.h, by name: read from the headers, so that a number that moves there moves here.
ROOT = Path(__file__).resolve().parents[2]


def _kinds():
    text = (ROOT / "host/gateway/include/gateway/gateway.h").read_text()
    body = re.search(r"enum gateway_event_kind \{(.*?)\};", text, re.S).group(1)
    names = re.findall(r"GATEWAY_EVENT_(\w+)", re.sub(r"/\*.*?\*/", "", body, flags=re.S))
    return {name: number for number, name in enumerate(names)}


def _errors():
    text = (ROOT / "lib/base/include/base/err.h").read_text()
    return {name: int(value, 16) for name, value in re.findall(r"X\((\w+),\s+(0x[0-9A-F]+)", text)}


KIND, ERROR = _kinds(), _errors()
HANG_S = float(os.environ.get("PAGE_HANG_S", 120))  # for hangs only
SLOT = {"a": 0, "b": 1, "none": 2, "loader": 3}
SLOT_STATE = {"empty": 0, "receiving": 1, "pending": 2, "trial": 3, "confirmed": 4, "rejected": 5, "last-resort": 6}


def version(text):
    if not text:
        return 0
    major, minor, revision = (int(n) for n in text.split("."))
    return major << 24 | minor << 16 | revision


class Rig:
    def __init__(self, *options, address="127.0.0.1"):
        self.folder = tempfile.TemporaryDirectory()
        self.upload = Path(self.folder.name, "upload")
        self.process = subprocess.Popen([os.environ["PAGE_RIG"], f"{address}:0", str(self.upload), *options], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        line = self._line()
        assert line.startswith("page at port "), f"page_rig did not start: {line!r}"
        self.port = int(line.split()[-1])
        self.asked = []

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put("")

    def _line(self):
        try:
            return self.lines.get(timeout=HANG_S)
        except queue.Empty:
            raise AssertionError("page_rig says nothing") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.reader.join(timeout=HANG_S)
        self.process.stdout.close()
        self.folder.cleanup()
        assert self.process.returncode == 0, f"page_rig ended with {self.process.returncode}"

    def say(self, line):
        self.process.stdin.write(line + "\n")
        while True:
            answer = self._line()
            if answer == "ok":
                return
            assert answer.startswith("asked "), f"page_rig, to {line!r}: {answer!r}"
            self.asked.append(answer)

    def wanted(self):
        """What was asked for since the last call."""
        self.say("wait 0")  # its answer comes after all that was asked for before it
        asked, self.asked = self.asked, []
        return asked

    def next_wanted(self):
        """The next thing that is asked for; waits until it is."""
        if not self.asked:
            answer = self._line()
            assert answer.startswith("asked "), answer
            return answer
        return self.asked.pop(0)

    def state(self, name):
        self.say(f"state {name}")

    def target(self, running, a=("", "empty"), b=("", "empty"), tries=0):
        self.say(f"target {running} {version(a[0])} {SLOT_STATE[a[1]]} {version(b[0])} {SLOT_STATE[b[1]]} {tries}")

    def event(self, kind, v="", slot="none", reason="FOTA_OK", done=0, total=0):
        self.say(f"event {KIND[kind]} {version(v)} {SLOT[slot]} {ERROR[reason]} {done} {total}")
