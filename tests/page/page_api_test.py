#!/usr/bin/env python3
"""The local page's server by plain HTTP: what it serves, each refusal of docs/spec/page.md in words, and its bounds.

Usage: PAGE_RIG=build/host/tests/page/page_rig page_api_test.py [NAME...]
"""
import json
import re
import socket
import sys
import time
import traceback
import types

from rig import ROOT, Rig

TOKEN = "correct-horse-battery-staple"
HANG_S = 60
ACTION = {"Fota-Page": "1"}


class Reply:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}

    def json(self):
        return json.loads(self.body)


def connect(rig):
    return socket.create_connection(("127.0.0.1", rig.port), timeout=HANG_S)


def read_all(s):
    raw = b""
    try:
        while data := s.recv(65536):
            raw += data
    except ConnectionResetError:
        pass
    return raw


def ask(rig, method, path, headers=None, body=None, host=None):
    """One request on a connection of its own, byte by byte as written here. A header of value None is left out."""
    all_headers = {"Host": host or f"127.0.0.1:{rig.port}", "Connection": "close", **(headers or {})}
    if body is not None:
        all_headers.setdefault("Content-Length", str(len(body)))
    text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in all_headers.items() if v is not None) + "\r\n"
    with connect(rig) as s:
        s.sendall(text.encode("latin-1") + (body or b""))
        return Reply(read_all(s))


def want(reply, status, words=""):
    assert reply.status == status, f"want status {status}, got {reply.status}: {reply.body[:300]!r}"
    if words:
        answer = reply.json()
        assert answer["ok"] is (status < 400) and words in answer["text"], f"want {words!r}, got {answer}"


# --- what is served ---

def the_files_have_the_headers_against_framing_and_foreign_code():
    with Rig() as rig:
        total = 0
        for path, kind in (("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")):
            r = ask(rig, "GET", path)
            want(r, 200)
            total += len(r.body)
            assert r.headers["content-type"].startswith(kind), r.headers
            assert len(r.body) == int(r.headers["content-length"])
            again = ask(rig, "GET", path, {"If-None-Match": r.headers["etag"]})
            want(again, 304)
            assert again.body == b"" and ask(rig, "HEAD", path).body == b""
        assert total <= 40_000, f"the page has {total} bytes"
        for path in ("/", "/api/state", "/api/nothing"):
            headers = ask(rig, "GET", path).headers
            policy = headers["content-security-policy"]
            for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
                assert part in policy, policy
            assert "unsafe" not in policy and headers["x-frame-options"] == "DENY", headers
            assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer", headers
            assert "access-control-allow-origin" not in headers and "set-cookie" not in headers, headers


def the_state_fits_a_kilobyte_with_the_longest_names_and_says_what_is_so():
    with Rig() as rig:
        rig.say(f"names {'d' * 32} {'p' * 32} {'h' * 15} {'c' * 32}")
        rig.target("b", ("255.255.65535", "last-resort"), ("255.255.65535", "last-resort"), 3)
        rig.event("OFFER", "255.255.65535", "loader", "FOTA_OK", 0, 393_216)
        rig.state("ROLLED_BACK")
        rig.event("PROGRESS", "255.255.65535", "b", "FOTA_OK", 4_294_967_295, 4_294_967_295)
        r = ask(rig, "GET", "/api/state")
        want(r, 200)
        assert r.headers["content-type"] == "application/json" and r.headers["cache-control"] == "no-store"
        assert len(r.body) < 1000, len(r.body)
        s = r.json()
        assert (s["api"], s["state"], s["version"], s["slot"]) == (1, "ROLLED_BACK", "255.255.65535", "loader"), s
        assert s["target"]["running"] == "b" and s["target"]["slots"][0] == {"version": "255.255.65535", "state": "last-resort"}, s


def events_come_newest_first_with_reasons_in_words_and_the_same_again_is_counted():
    with Rig() as rig:
        want(ask(rig, "GET", "/api/events"), 200)
        longest = max(re.findall(r"X\((E_\w+),\s+0x[0-9A-F]+,\s+\"(.*?)\"", (ROOT / "lib/base/include/base/err.h").read_text()),
                      key=lambda e: len(e[0]) + len(e[1]))
        for n in range(20):
            rig.event("ROLLED_BACK", f"255.255.{60000 + n}", "loader", longest[0], 4_294_967_295)
        r = ask(rig, "GET", "/api/events").json()
        assert r["event"] == 20 and len(r["events"]) == 12, r
        assert r["events"][0]["version"] == "255.255.60019" and r["events"][0]["why"] == longest[1], r["events"][0]
        for _ in range(3):
            rig.event("FAILED", reason="E_NET_DNS", done=30000)
        newest = ask(rig, "GET", "/api/events").json()["events"][0]
        assert (newest["kind"], newest["reason"], newest["count"]) == ("failed", "E_NET_DNS", 3), newest
        assert ask(rig, "GET", "/api/state").json()["failures"] == 3
        for kind in ("QUIET", "PROGRESS", "CHANGED"):
            rig.event(kind)
        assert ask(rig, "GET", "/api/events").json()["event"] == 21, "what nobody wants to know is not listed"


def read_events(s, n):
    """The next n states of a stream."""
    text = b""
    while text.count(b"\n\n") < n:
        data = s.recv(65536)
        assert data, "the stream ended"
        text += data
    return [json.loads(m) for m in re.findall(rb"data: (\{.*?\})\n\n", text)]


def the_stream_tells_each_change_and_ends_with_the_server():
    with Rig() as rig:
        s = connect(rig)
        s.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{rig.port}\r\n\r\n".encode())
        assert read_events(s, 1)[0]["state"] == "WAIT"
        rig.state("FETCH")
        assert read_events(s, 1)[-1]["state"] == "FETCH"
        rig.event("PROGRESS", "2.0.0", "b", "FOTA_OK", 4096, 8192)
        assert read_events(s, 1)[-1]["done"] == 4096
    read_all(s)  # it ends: a stream that stays open is a time-out here
    s.close()


def six_streams_and_the_seventh_is_told_to_ask():
    with Rig() as rig:
        streams = [connect(rig) for _ in range(6)]
        for s in streams:
            s.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{rig.port}\r\n\r\n".encode())
            read_events(s, 1)
        want(ask(rig, "GET", "/api/stream"), 503, "Too many pages")
        streams[0].close()
        deadline = time.monotonic() + HANG_S
        while ask(rig, "GET", "/api/state").status == 200 and time.monotonic() < deadline:
            rig.state("POLL")  # a change is sent to all: the one that is gone is noticed
            rig.state("WAIT")
            s = connect(rig)
            s.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{rig.port}\r\n\r\n".encode())
            is_room = b"200 OK" in s.recv(64)
            s.close()
            if is_room:
                break
        else:
            raise AssertionError("the place of a page that was closed is not free again")
        for s in streams[1:]:
            s.close()


# --- actions ---

def check_now_is_asked_for_once_and_not_while_the_gateway_works():
    with Rig() as rig:
        want(ask(rig, "POST", "/api/check", ACTION), 202, "looks for updates now")
        assert rig.next_wanted() == "asked check"
        rig.state("FETCH")
        want(ask(rig, "POST", "/api/check", ACTION), 409, "at work")
        assert rig.wanted() == []


def an_upload_arrives_whole_and_leaves_no_file():
    body = b"v1/" + bytes(300_000)
    with Rig() as rig:
        want(ask(rig, "POST", "/api/install", ACTION, body), 202, "The file is here")
        assert rig.next_wanted() == f"asked install {len(body)}"
        want(ask(rig, "POST", "/api/install", ACTION, b"something else"), 422, "no bundle")
        assert rig.wanted() == [] and list(rig.upload.parent.iterdir()) == []


def an_upload_that_is_cut_leaves_nothing_and_the_next_one_is_taken():
    with Rig() as rig:
        with connect(rig) as s:
            s.sendall((f"POST /api/install HTTP/1.1\r\nHost: 127.0.0.1:{rig.port}\r\nFota-Page: 1\r\nContent-Length: 100000\r\n\r\n").encode())
            s.sendall(b"v1/" + bytes(50_000))
            deadline = time.monotonic() + HANG_S
            while ask(rig, "POST", "/api/install", ACTION, b"v1/x").status != 409:  # until the first one is begun with
                assert rig.next_wanted() and time.monotonic() < deadline, "two uploads at a time"
                rig.state("WAIT")
            assert list(rig.upload.parent.iterdir()) == [], "the file has a name while it is written"
        deadline = time.monotonic() + HANG_S
        while (r := ask(rig, "POST", "/api/install", ACTION, b"v1/whole")).status == 409:
            assert time.monotonic() < deadline, "the place of an upload that was cut is not free again"
        want(r, 202)
        assert rig.next_wanted() == "asked install 8" and list(rig.upload.parent.iterdir()) == []


def an_upload_is_not_taken_while_the_gateway_works():
    with Rig() as rig:
        rig.state("FETCH")
        want(ask(rig, "POST", "/api/install", ACTION, b"v1/x"), 409, "at work")
        rig.state("WAIT")
        rig.say("bundle 1")
        want(ask(rig, "POST", "/api/install", ACTION, b"v1/x"), 409, "at work")
        assert rig.wanted() == []


def a_folder_that_cannot_be_written_is_said():
    with Rig() as rig:
        rig.upload.mkdir()
        want(ask(rig, "POST", "/api/install", ACTION, b"v1/x"), 507, "cannot be written")
        assert rig.wanted() == []
        rig.upload.rmdir()
        want(ask(rig, "POST", "/api/install", ACTION, b"v1/x"), 202)


# --- refusals ---

def no_action_by_get_and_no_other_method():
    with Rig() as rig:
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            for path in ("/api/check", "/api/install"):
                r = ask(rig, method, path, ACTION)
                assert r.status == 405 and r.headers["allow"] == "POST", (method, path, r.status, r.headers)
        want(ask(rig, "GET", "/api/check", ACTION), 405, "use POST")
        want(ask(rig, "POST", "/api/state", ACTION), 405, "use GET")
        want(ask(rig, "DELETE", "/"), 405, "use GET")
        assert rig.wanted() == []


def nothing_else_is_there():
    with Rig() as rig:
        for path in ("/nothing", "/index.html", "/../etc/passwd", "/%2e%2e/app.js", "/api", "/api/state/", "//api/state"):
            want(ask(rig, "GET", path), 404, "nothing at this address")


def a_rebound_name_is_refused():
    with Rig() as rig:
        for host in ("evil.example", f"evil.example:{rig.port}", "127.0.0.1.evil.example", "localhost.evil.example:80", "0.0.0.0",
                     "127.0.0.1:80@evil.example", "[::2]:80"):
            for method, path in (("GET", "/"), ("GET", "/api/state"), ("POST", "/api/check")):
                want(ask(rig, method, path, ACTION, host=host), 403, "one of these names")
        for host in ("localhost", f"localhost:{rig.port}", "127.0.0.1", "[::1]:9000", "127.0.0.1:9000"):
            want(ask(rig, "GET", "/api/state", host=host), 200)
        assert ask(rig, "GET", "/api/state", {"Host": None}).status == 400
        assert rig.wanted() == []


def another_site_is_refused():
    with Rig() as rig:
        here = f"http://127.0.0.1:{rig.port}"
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": f"http://127.0.0.1:{rig.port + 1}"},
                        {"Origin": f"http://localhost:{rig.port}"}, {"Origin": here + ".evil.example"}, {"Origin": ""}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}, {"Origin": here, "Sec-Fetch-Site": "cross-site"}):
            want(ask(rig, "POST", "/api/check", {**ACTION, **headers}), 403, "another site")
            want(ask(rig, "GET", "/api/state", headers), 403, "another site")
            want(ask(rig, "POST", "/api/install", {**ACTION, **headers}, b"v1/x"), 403, "another site")
        assert rig.wanted() == []
        want(ask(rig, "POST", "/api/check", {**ACTION, "Origin": here, "Sec-Fetch-Site": "same-origin"}), 202)
        want(ask(rig, "GET", "/api/state", {"Sec-Fetch-Site": "none"}), 200)


def a_form_of_another_page_cannot_act():
    """What an old browser sends without Origin and Sec-Fetch-Site: it cannot carry the header."""
    with Rig() as rig:
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
            want(ask(rig, "POST", "/api/check", {"Content-Type": kind}, b""), 403, "Fota-Page")
            want(ask(rig, "POST", "/api/install", {"Content-Type": kind}, b"v1/x"), 403, "Fota-Page")
        want(ask(rig, "POST", "/api/check", {"Fota-Page": ""}), 403, "Fota-Page")
        assert rig.wanted() == []


def a_token_is_needed_whole_and_for_everything_but_the_files():
    with Rig("--token", TOKEN) as rig:
        right = {"Authorization": f"Bearer {TOKEN}"}
        for method, path in (("GET", "/api/state"), ("GET", "/api/events"), ("GET", "/api/stream"), ("POST", "/api/check"), ("POST", "/api/install")):
            r = ask(rig, method, path, ACTION, b"" if method == "POST" else None)
            want(r, 401, "A token is needed")
            assert r.headers["www-authenticate"] == "Bearer", r.headers
            for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN[:-1] + "x", "x" + TOKEN[1:], TOKEN.upper()):
                want(ask(rig, method, path, {**ACTION, "Authorization": f"Bearer {wrong}"}, b"" if method == "POST" else None), 401, "token is")
            want(ask(rig, method, path, {**ACTION, "Authorization": f"Basic {TOKEN}"}, b"" if method == "POST" else None), 401, "token is wrong")
        assert rig.wanted() == []
        want(ask(rig, "GET", "/api/state", right), 200)
        want(ask(rig, "GET", "/api/state", right, host="pump-17.lan"), 200)
        want(ask(rig, "GET", "/app.js"), 200)
        want(ask(rig, "POST", "/api/check", {**ACTION, **right}), 202)
        want(ask(rig, "POST", "/api/check", {**ACTION, **right, "Origin": "http://evil.example"}), 403, "another site")
        assert rig.next_wanted() == "asked check"


def a_body_that_is_too_large_or_has_no_length_is_refused_before_it_is_read():
    with Rig() as rig:
        for length, status, words in (("2097153", 413, "too large"), ("999999999999", 413, "too large"), ("0", 400, "empty")):
            r = ask(rig, "POST", "/api/install", {**ACTION, "Content-Length": length})
            want(r, status, words)
        r = ask(rig, "POST", "/api/install", {**ACTION, "Transfer-Encoding": "chunked"}, None)
        want(r, 411, "length of the body")
        want(ask(rig, "POST", "/api/check", ACTION, b"x"), 413, "no body")
        assert rig.wanted() == []
        body = b"v1/" + bytes(2 * 1024 * 1024 - 3)
        want(ask(rig, "POST", "/api/install", ACTION, body), 202)
        assert rig.next_wanted() == f"asked install {len(body)}"


def long_headers_and_addresses_are_refused():
    with Rig() as rig:
        assert ask(rig, "GET", "/api/state", {"X-Long": "x" * 9000}).status == 431
        assert ask(rig, "GET", "/" + "x" * 9000).status == 414
        assert ask(rig, "GET", "/api/state", {f"X-{n}": "x" * 40 for n in range(400)}).status == 431
        want(ask(rig, "GET", "/api/state", {"X-Long": "x" * 3000}), 200)


# --- bounds ---

def slow_clients_do_not_hold_the_gateway():
    """Clients that send half a request, or never read a stream: the rig goes on, and so does who comes after them."""
    with Rig() as rig:
        slow = [connect(rig) for _ in range(8)]
        for n, s in enumerate(slow):
            s.sendall(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n" + (b"\r\n" if n < 4 else b""))
        for n in range(2000):
            rig.event("PROGRESS", "2.0.0", "b", "FOTA_OK", n, 2000)
        start = time.monotonic()
        assert ask(rig, "GET", "/api/state").json()["done"] == 1999
        assert time.monotonic() - start < 10
        for s in slow:
            s.close()


def no_more_than_sixteen_connections():
    with Rig() as rig:
        held = [connect(rig) for _ in range(16)]
        for s in held:
            s.sendall(b"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert s.recv(65536).startswith(b"HTTP/1.1 200")
        late = connect(rig)
        late.settimeout(1)
        try:
            late.sendall(b"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert late.recv(64) == b"", "a seventeenth connection was served"
        except (ConnectionError, TimeoutError):
            pass
        for s in held:
            s.close()
        late.settimeout(HANG_S)
        deadline = time.monotonic() + HANG_S
        while True:  # the places of those that left are free again
            try:
                want(ask(rig, "GET", "/api/state"), 200)
                break
            except (AssertionError, ConnectionError):
                assert time.monotonic() < deadline
        late.close()


def main():
    tests = [f for f in globals().values() if isinstance(f, types.FunctionType) and f.__code__.co_argcount == 0 and f is not main]
    chosen = [t for t in tests if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    failed = 0
    for test in chosen:
        try:
            test()
            print(f"ok      {test.__name__}")
        except Exception:  # noqa: BLE001 -- whatever it is, the test failed; the next one is run
            failed += 1
            print(f"FAILED  {test.__name__}")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(chosen) - failed} of {len(chosen)} passed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
