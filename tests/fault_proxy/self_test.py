#!/usr/bin/env python3
"""Does each row of the fault proxy do what it says? Measured by a client that sees every byte of the connection.

Each check runs twice: with its row it must hold, and without the row it must not, or it would hold for any proxy. Then: the same
seed gives the same run, shares are what they say, scripts with mistakes are refused in words, and TLS with a CA of its own works.

Usage: self_test.py
"""
import io
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

from fault_proxy import RECORD_BYTES, Proxy, make_context
from http_message import Headers, Request
from origin import Conditions, Memory, Upstream
from rows import PORTAL, Script, ScriptError

HERE = Path(__file__).resolve().parent
HANG_S = 30
SILENCE_S = 0.4
OBJECT = bytes((n * 7 + n // 251) % 256 for n in range(20000))
PATH = "/bucket/v1/blobs/x.bin"


class Got:
    """One reply as it came: what was announced, what arrived, and how it ended."""

    def __init__(self):
        self.status, self.head, self.headers, self.body = 0, b"", Headers(), b""
        self.end = ""  # whole, closed, reset, silent or limit
        self.seconds = 0.0

    @property
    def length(self):
        return int(self.headers.get("Content-Length", "-1"))


class Client:
    """A raw connection to a proxy."""

    def __init__(self, proxy):
        self.sock = socket.create_connection(("127.0.0.1", proxy.port), timeout=HANG_S)
        self.buffer = bytearray()

    def close(self):
        self.sock.close()

    def send(self, method="GET", path=PATH, headers=(), body=b""):
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: 127.0.0.1:1"] + ["%s: %s" % line for line in headers]
        if body:
            lines.append("Content-Length: %d" % len(body))
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def more(self, got, silence_s):
        """Some bytes, or the reason why there are none in got.end."""
        self.sock.settimeout(silence_s)
        try:
            received = self.sock.recv(65536)
        except (TimeoutError, socket.timeout):
            got.end = "silent"
            return False
        except ConnectionResetError:
            got.end = "reset"
            return False
        got.end = got.end if received else "closed"
        self.buffer += received
        return bool(received)

    def receive(self, limit=1 << 20, silence_s=HANG_S):
        """The next reply, at most `limit` bytes of it."""
        got, start = Got(), time.monotonic()
        while not got.end and b"\r\n\r\n" not in self.buffer and len(self.buffer) < limit:
            self.more(got, silence_s)
        if b"\r\n\r\n" not in self.buffer:
            got.head, got.end = bytes(self.buffer), got.end or "limit"
            return got
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        got.head, got.status = head, int(first.split(" ")[1])
        got.headers = Headers([tuple(part.strip() for part in line.split(":", 1)) for line in lines])
        self.buffer[:] = rest
        wanted = got.length if got.length >= 0 else 0 if got.status in (204, 304) else limit
        while not got.end and len(self.buffer) < min(wanted, limit):
            self.more(got, silence_s)
        got.body = bytes(self.buffer[: min(wanted, limit)])
        del self.buffer[: len(got.body)]
        got.end = got.end or ("whole" if len(got.body) == got.length or wanted == 0 else "limit")
        got.seconds = time.monotonic() - start
        return got


def start(rules, seed="1", **more):
    memory = Memory()
    memory.ask(Request("PUT", PATH, Headers(), OBJECT))
    return Proxy(Script(rules, seed), lambda: memory, **more)


def once(proxy, headers=(), **receive):
    """One request on a connection of its own."""
    client = Client(proxy)
    client.send(headers=headers)
    got = client.receive(**receive)
    client.close()
    return got


def etag(proxy):
    """As the origin says it."""
    return proxy.make_origin().objects[PATH][0]


# --- one check a row: (name, rule, check(proxy) -> does the row do what it says) -------------------------------

RANGE = ("Range", "bytes=1000-8999")


def refuses(proxy, status, code, **headers):
    got = once(proxy)
    named = all(got.headers.get(name.replace("_", "-")) == value for name, value in headers.items())
    return got.status == status and b"<Code>%s</Code>" % code in got.body and got.end == "whole" and named


def retry_date(proxy):
    got = once(proxy)
    found = re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", got.headers.get("Retry-After", ""))
    return got.status == 503 and bool(found)


def cuts(proxy, low, high):
    sizes = set()
    for _ in range(12):
        got = once(proxy)
        if got.end != "closed" or got.length != len(OBJECT) or got.body != OBJECT[: len(got.body)]:
            return False
        sizes.add(len(got.body))
    return min(sizes) == low and max(sizes) == high


def resets(proxy):
    got = once(proxy)
    return got.end == "reset" and got.length == len(OBJECT) and len(got.body) <= 3000


def flips(proxy):
    got = once(proxy)
    changed = [(a ^ b) for a, b in zip(got.body, OBJECT) if a != b]
    return got.end == "whole" and len(got.body) == len(OBJECT) and len(changed) == 1 and bin(changed[0]).count("1") == 1


def is_portal(proxy):
    got = once(proxy)
    return got.status == 200 and got.body == PORTAL and got.headers.get("ETag") is None


def is_login(proxy):
    got = once(proxy)
    return got.status == 302 and got.headers.get("Location", "").startswith("http://login.")


def loops(proxy):
    """Following it leads to the same place."""
    got = once(proxy)
    return got.status == 307 and got.headers.get("Location") == "http://127.0.0.1:1" + PATH


def never_ends(proxy):
    got = once(proxy, limit=3 << 20)
    return got.status == 500 and got.end == "limit" and len(got.body) == 3 << 20


def heads_never_end(proxy):
    got = once(proxy, limit=3 << 20)
    return got.end == "limit" and len(got.head) >= 3 << 20 and b"\r\n\r\n" not in got.head


def is_slow(proxy):
    got = once(proxy)
    return got.end == "whole" and got.seconds > 0.9


def falls_silent(proxy):
    got = once(proxy, silence_s=SILENCE_S)
    return got.end == "silent" and got.body == OBJECT[:5000] and got.length == len(OBJECT)


def promises_more(proxy):
    got = once(proxy)
    return got.end == "closed" and got.length == len(OBJECT) + 7 and got.body == OBJECT


def promises_less(proxy):
    got = once(proxy)
    return got.length == len(OBJECT) - 7 and got.end == "whole"


def is_short(proxy):
    got = once(proxy, [RANGE])
    return got.status == 206 and got.length == 7990 and got.end == "whole" and got.headers.get("Content-Range") == "bytes 1000-8999/20000"


def is_other_range(proxy):
    got = once(proxy, [RANGE])
    return got.status == 206 and got.headers.get("Content-Range") == "bytes 1512-9511/20000" and got.body == OBJECT[1512:9512]


def says_other_range(proxy):
    got = once(proxy, [RANGE])
    return got.status == 206 and got.headers.get("Content-Range") == "bytes 1100-9099/20100" and got.body == OBJECT[1000:9000]


def is_whole(proxy):
    got = once(proxy, [RANGE])
    return got.status == 200 and got.body == OBJECT


def changes_etag(proxy):
    """Right for the first two requests, then another one for the same bytes."""
    tags = [once(proxy, [RANGE]).headers.get("ETag") for _ in range(3)]
    return tags[0] == tags[1] == etag(proxy) and tags[2] != tags[0]


def has_no_etag(proxy):
    got = once(proxy, [("If-None-Match", etag(proxy))])
    return got.status == 304 and got.headers.get("ETag") is None


def has_other_date(proxy):
    said = parsedate_to_datetime(once(proxy).headers.get("Date")).timestamp()
    return abs(time.time() - 1200 - said) < HANG_S


def has_long_header(proxy):
    got = once(proxy, limit=2 << 20)
    return len(got.headers.get("X-Long", "")) == 1 << 20 and got.body == OBJECT


def has_body_of_304(proxy):
    """A client that believes that a 304 has no body finds the rest of the next reply."""
    client = Client(proxy)
    client.send(headers=[("If-None-Match", etag(proxy))])
    got = client.receive()
    client.close()
    return got.status == 304 and got.length == 40 and got.body == PORTAL[:40]


def goes_stale(proxy):
    client = Client(proxy)
    client.send()
    first = client.receive()
    is_open = first.end == "whole" and "close" not in first.headers.get("Connection", "")
    client.send()
    second = client.receive()
    client.close()
    return is_open and second.end in ("closed", "reset") and second.head == b""


def closes(proxy):
    got = once(proxy)
    return got.headers.get("Connection") == "close" and got.body == OBJECT


def drops(proxy):
    got = once(proxy)
    return got.end in ("closed", "reset") and got.head == b""


def ignores_match(proxy):
    return once(proxy, [("If-Match", '"stale"')]).status == 200


def writes(proxy):
    """Status of a PUT with a wrong If-Match, and of one with If-None-Match for what is there."""
    client, got = Client(proxy), []
    for header in [("If-Match", '"stale"'), ("If-None-Match", "*")]:
        client.send("PUT", headers=[header], body=b"other")
        got.append(client.receive().status)
    client.close()
    return got


CHECKS = [
    ("5xx", "status 503", lambda p: refuses(p, 503, b"SlowDown")),
    ("5xx with Retry-After in seconds", "status 503 retry-after=7", lambda p: refuses(p, 503, b"SlowDown", Retry_After="7")),
    ("5xx with Retry-After as a date", "status 503 retry-after=date+60", retry_date),
    ("403 for a missing key", "status 403", lambda p: refuses(p, 403, b"AccessDenied")),
    ("400 for another region", "status 400 code=AuthorizationHeaderMalformed region=eu-west-1",
     lambda p: refuses(p, 400, b"AuthorizationHeaderMalformed", x_amz_bucket_region="eu-west-1")),
    ("301 without a place", "status 301 code=PermanentRedirect region=eu-west-1", lambda p: refuses(p, 301, b"PermanentRedirect")),
    ("412 in the middle", "status 412 code=PreconditionFailed first=1", lambda p: refuses(p, 412, b"PreconditionFailed")),
    ("an error body of 3 kB", "status 500 bytes=3000", lambda p: len(once(p).body) == 3000),
    ("cut after 3,000 bytes", "cut 3000", lambda p: cuts(p, 3000, 3000)),
    ("cut at 4 kB, give or take one", "cut 4096 spread=1", lambda p: cuts(p, 4095, 4097)),
    ("cut with a reset", "reset 3000", resets),
    ("a flipped bit", "flip", flips),
    ("captive portal, 200", "portal", is_portal),
    ("captive portal, 302", "portal-redirect", is_login),
    ("redirect loop", "redirect 307", loops),
    ("endless error body", "endless 500", never_ends),
    ("endless headers", "endless-headers", heads_never_end),
    ("slow drip", "drip 20000", is_slow),
    ("stall", "stall 5000", falls_silent),
    ("Content-Length too long", "length +7", promises_more),
    ("Content-Length too short", "length -7", promises_less),
    ("206 that is short", "short 10", is_short),
    ("206 with another range", "other-range 512", is_other_range),
    ("206 that says another range", "range-header 100", says_other_range),
    ("200 to a Range", "whole", is_whole),
    ("another ETag in the middle", "etag first=3 times=1", changes_etag),
    ("304 without an ETag", "no-etag", has_no_etag),
    ("a date 20 minutes off", "date -1200", has_other_date),
    ("a header of 1 MB", "header-bytes 1048576", has_long_header),
    ("304 with a body", "body-of-304", has_body_of_304),
    ("stale keep-alive", "stale", goes_stale),
    ("a closed connection", "close", closes),
    ("no reply at all", "drop", drops),
    ("wrong If-Match of a GET answered with 200", "ignore-conditions", ignores_match),
    ("wrong If-Match of a PUT answered with 200", "ignore-conditions method=PUT", lambda p: writes(p) == [200, 200]),
    ("only If-Match ignored", "ignore-conditions of=If-Match", lambda p: writes(p) == [200, 412]),
]


def check_rows():
    failures = []
    for name, rule, check in CHECKS:
        for rules, wanted in (([rule], True), ([], False)):
            proxy = start(rules)
            if bool(check(proxy)) != wanted:
                failures.append("%s: '%s' %s" % (name, rule, "does not do it" if wanted else "is not needed for it"))
            proxy.stop()
    return failures


# --- the whole ------------------------------------------------------------------------------------------------

STORM = ["status 503 share=0.3 retry-after=1", "portal share=0.1", "cut 3000 share=0.5", "flip share=0.05", "etag path=nothing"]


def run_storm(seed):
    log = io.StringIO()
    proxy = start(STORM, seed, log=log)
    bodies = [once(proxy).body for _ in range(300)]
    proxy.stop()
    deadline = time.monotonic() + HANG_S
    while log.getvalue().count("\n") < len(bodies) and time.monotonic() < deadline:
        time.sleep(0.01)  # the last line is written after the last byte
    return sorted(log.getvalue().splitlines(), key=lambda line: json.loads(line)["n"]), bodies


def check_seed():
    first, again, other = run_storm("7"), run_storm("7"), run_storm("8")
    failures = [] if first == again else ["the same seed gives another run"]
    if first[0] == other[0]:
        failures.append("another seed gives the same run")
    n_refused = sum('"status": 503' in line for line in first[0])
    if not 60 <= n_refused <= 120:
        failures.append("a share of 0.3 refused %d of 300" % n_refused)
    return failures


def check_scripts():
    failures = []
    for rule, words in [("fog", "there is no row 'fog'"), ("cut", "takes one number"), ("portal 5", "takes no number"),
                        ("cut soon", "'soon' is not a number"), ("cut 5 colour=red", "has no option 'colour'")]:
        try:
            Script([rule], "1")
            failures.append("'%s' is taken" % rule)
        except ScriptError as error:
            if words not in str(error):
                failures.append("'%s' is refused with: %s" % (rule, error))
    return failures


def check_upstream():
    """One proxy before another: requests and replies pass unchanged, on connections that stay."""
    inner = start([])
    outer = Proxy(Script([], "1"), lambda: Upstream(inner.url))
    client = Client(outer)
    failures = []
    for headers, status, body in [((), 200, OBJECT), ([RANGE], 206, OBJECT[1000:9000]), ([("If-Match", '"stale"')], 412, None)]:
        client.send(headers=headers)
        got = client.receive()
        if got.status != status or (body is not None and got.body != body):
            failures.append("through a proxy: %d for %s" % (got.status, headers))
    client.send("PUT", path="/bucket/new", body=b"new")
    if client.receive().status != 200 or inner.make_origin().objects["/bucket/new"][1] != b"new":
        failures.append("through a proxy: PUT does not arrive")
    client.close()
    return failures


def check_conditions():
    """A server that ignores conditions, with the stand-in for them and without."""
    failures, memory = [], Memory()
    memory.ask(Request("PUT", PATH, Headers(), OBJECT))
    careless = Proxy(Script(["ignore-conditions"], "1"), lambda: memory)
    known = Conditions.make_table()
    for name, origin, wanted in [("without", lambda: Upstream(careless.url), [200, 200]),
                                 ("with", lambda: Conditions(Upstream(careless.url), known), [412, 412])]:
        proxy = Proxy(Script([], "1"), origin)
        client = Client(proxy)
        client.send("PUT", body=OBJECT)
        client.receive()
        client.close()
        if writes(proxy) != wanted:
            failures.append("conditions, %s the stand-in: %s" % (name, writes(proxy)))
    return failures


def records(proxy, ca):
    """Body of one GET over TLS, and the longest record that carried it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context(cafile=ca).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    sock = socket.create_connection(("127.0.0.1", proxy.port), timeout=HANG_S)
    wire, plain, is_asked = bytearray(), bytearray(), False
    while len(plain.partition(b"\r\n\r\n")[2]) < len(OBJECT):
        try:
            if not is_asked:
                tls.do_handshake()
                tls.write(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % PATH.encode())
                is_asked = True
            while True:
                plain += tls.read(65536)
        except ssl.SSLWantReadError:
            pass
        sock.sendall(outgoing.read())
        if len(plain.partition(b"\r\n\r\n")[2]) == len(OBJECT):
            break
        received = sock.recv(65536)
        if not received:
            break
        wire += received
        incoming.write(received)
    sock.close()
    at, longest = 0, 0
    while at + 5 <= len(wire):
        size = int.from_bytes(wire[at + 3 : at + 5], "big")
        longest = max(longest, size if wire[at] == 23 else 0)
        at += 5 + size
    return bytes(plain.partition(b"\r\n\r\n")[2]), longest


def check_tls():
    folder = tempfile.mkdtemp()
    try:
        subprocess.run([str(HERE / "make_ca.sh"), folder], check=True)
        context = make_context(folder + "/server.crt", folder + "/server.key")
        failures = []
        whole, longest = records(start([], context=context), folder + "/ca.crt")
        if whole != OBJECT or not 0 < longest <= RECORD_BYTES + 64:
            failures.append("TLS: %d bytes, records of up to %d bytes" % (len(whole), longest))
        cut, _ = records(start(["cut 3001"], context=context), folder + "/ca.crt")
        if cut != OBJECT[:3001]:
            failures.append("TLS: a cut after 3,001 bytes lets %d through" % len(cut))
        try:
            records(start([], context=context), None)
            failures.append("TLS: a client that does not know the CA is content")
        except ssl.SSLCertVerificationError:
            pass
        return failures
    finally:
        shutil.rmtree(folder)


def main():
    failures = check_rows() + check_seed() + check_scripts() + check_upstream() + check_conditions() + check_tls()
    for failure in failures:
        print("fault_proxy: " + failure)
    print("%d rows checked, with and without: %s" % (len(CHECKS), "%d failures" % len(failures) if failures else "all as they say"))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
