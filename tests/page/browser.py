"""Headless Chromium by the DevTools protocol on a pipe: as much of it as the tests of the page need.

Chromium reads commands from descriptor 3 and writes answers to descriptor 4, each JSON and a byte 0
(--remote-debugging-pipe). Everything that a test waits for is an event or a condition in the page; no wait is a guess.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

HANG_S = 60  # for hangs only
KEYS = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Space": (" ", 32, " ")}


def program():
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


class Browser:
    def __init__(self):
        self.profile = tempfile.TemporaryDirectory()
        to_read, self.to = os.pipe()
        self.back, from_write = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--mute-audio", "--hide-scrollbars", "--disable-dev-shm-usage",
                 "--font-render-hinting=none", "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}"]
        command = f'exec "$@" 3<&{to_read} 4>&{from_write}'
        self.process = subprocess.Popen(["/bin/bash", "-c", command, "browser", program(), *flags], pass_fds=(to_read, from_write),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.number, self.buffer, self.events = 0, b"", []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except (OSError, EOFError, TimeoutError):
            self.process.kill()
        self.process.wait(timeout=HANG_S)
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.profile.name, ignore_errors=True)  # Chromium's last files may come while it is removed

    def message(self):
        deadline = time.monotonic() + HANG_S
        while b"\0" not in self.buffer:
            if not select.select([self.back], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.back, 1 << 20)
            if not data:
                raise EOFError("the browser ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def page(self, *args, **kwargs):
        return Page(self, *args, **kwargs)


class Page:
    """One tab, of a width, light or dark. Collects what the console says."""

    def __init__(self, browser, width, height=900, is_dark=False, is_still=True, scale=1):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        self.problems = []
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if is_still else "no-preference"}])
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **params):
        result = self.browser.call(method, self.session, **params)
        for event in self.browser.events:
            if event.get("sessionId") == self.session:
                self.note(event)
        self.browser.events = [e for e in self.browser.events if e.get("sessionId") != self.session]
        return result

    def note(self, event):
        p = event["params"]
        if event["method"] == "Log.entryAdded" and p["entry"]["level"] == "error":
            self.problems.append(f"{p['entry']['text']} {p['entry'].get('url', '')}")
        elif event["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(p["exceptionDetails"].get("exception", p["exceptionDetails"]).get("description")))
        elif event["method"] == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning", "assert"):
            self.problems.append(str([a.get("value") for a in p["args"]]))

    def run(self, expression):
        """Value of an expression in the page; promises are awaited."""
        r = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in r:
            raise RuntimeError(f"{expression}: {r['exceptionDetails']['exception'].get('description')}")
        return r["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def until(self, condition, what=""):
        """Wait, in the page, until a condition holds."""
        deadline = time.monotonic() + HANG_S
        while True:
            try:
                if self.run(f"new Promise(d => {{ const e = Date.now() + 2000; const f = () => {{ const v = !!({condition});"
                            " if (v || Date.now() > e) d(v); else setTimeout(f, 20); }; f(); })"):
                    return
            except RuntimeError as e:
                if "navigated" not in str(e) and "context" not in str(e) and "Cannot read" not in str(e):
                    raise
            if time.monotonic() > deadline:
                raise AssertionError(f"never so: {what or condition}; the page says: {self.run('document.body.innerText')!r}")

    def key(self, name, is_shifted=False):
        key, code, text = KEYS[name]
        common = {"key": key, "code": name, "windowsVirtualKeyCode": code, "modifiers": 8 if is_shifted else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def choose_file(self, selector, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def picture(self, path):
        """The whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})["data"]
        path.write_bytes(base64.b64decode(data))
