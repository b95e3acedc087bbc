"""The rows of the fault proxy: what each fault does to a request or its reply, and the script that says when.

A script has one rule a line: a row, its argument, options, and when it fires.

    status 503 retry-after=7 share=0.3        # three requests in ten
    cut 3000 path=/v1/blobs/                  # each body of a blob
    etag path=/v1/blobs/ first=3 times=1      # the third request for a blob only

When: share=0..1 (of those that match), path=TEXT (in the target), method=GET, first=N (from the N-th match on), times=N (so often
at most). Rules are tried in their order. The first one that answers by itself ends the list; the others add up. What a rule draws
depends on the seed, on the number of the request and on the rule's own place, so the same seed gives the same run.
"""
import random
import re
import shlex
import time
from email.utils import formatdate

from http_message import Headers, Reply

REASONS = {200: "OK", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 307: "Temporary Redirect",
           400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 412: "Precondition Failed",
           416: "Range Not Satisfiable", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
PORTAL = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>Free Wi-Fi</h1><p>Please log in.</p></body></html>\n"


class ScriptError(Exception):
    """A sentence about a line of a script."""


def xml_error(code, region, n_bytes):
    region = "<Region>%s</Region>" % region if region else ""
    text = '<?xml version="1.0"?><Error><Code>%s</Code>%s<Message>planted by the fault proxy</Message></Error>' % (code, region)
    return (text + " " * max(0, n_bytes - len(text))).encode()


def plain_reply(status, body, kind, lines=()):
    headers = Headers([("Content-Type", kind), ("Date", formatdate(usegmt=True)), *lines])
    return Reply(status, REASONS.get(status, "Something"), headers, body)


def retry_after(text):
    """`7` is sent as it is, `date+60` as the HTTP date of a minute from now."""
    if text.startswith("date+"):
        return formatdate(time.time() + int(text[5:]), usegmt=True)
    return str(int(text))


# --- rows that answer by themselves: (request, argument, options, random) -> reply ---------------------------


def row_status(_request, status, options, _random):
    code = options.get("code", {503: "SlowDown", 403: "AccessDenied", 404: "NoSuchKey"}.get(status, "InternalError"))
    reply = plain_reply(status, xml_error(code, options.get("region"), options.get("bytes", 0)), "application/xml")
    if "retry-after" in options:
        reply.headers.set("Retry-After", retry_after(options["retry-after"]))
    if "region" in options:
        reply.headers.set("x-amz-bucket-region", options["region"])
    return reply


def row_portal(_request, _argument, _options, _random):
    return plain_reply(200, PORTAL, "text/html")


def row_portal_redirect(_request, _argument, _options, _random):
    return plain_reply(302, b"", "text/html", [("Location", "http://login.portal.invalid/hello")])


def row_redirect(request, status, options, _random):
    place = "http://" + request.headers.get("Host", "") + request.target
    reply = plain_reply(status, xml_error("TemporaryRedirect", options.get("region"), 0), "application/xml", [("Location", place)])
    if "region" in options:
        reply.headers.set("x-amz-bucket-region", options["region"])
    return reply


def row_endless(_request, status, options, _random):
    reply = plain_reply(status, xml_error("InternalError", None, 0), "application/xml")
    reply.wire.endless_body = True
    reply.wire.rate = options.get("rate")
    return reply


def row_endless_headers(_request, status, options, _random):
    reply = plain_reply(status, b"", "text/plain")
    reply.wire.endless_headers = True
    reply.wire.rate = options.get("rate")
    return reply


def row_drop(_request, _argument, _options, _random):
    reply = plain_reply(502, b"", "text/plain")
    reply.wire.drops = True
    return reply


# --- rows that change a request on its way: (request, argument, options, random) ------------------------------


def row_whole(request, _argument, _options, _random):
    request.headers.remove("Range")


def row_other_range(request, shift, _options, _random):
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
    if found:
        first, last = (max(0, int(n) + shift) for n in found.groups())
        request.headers.set("Range", "bytes=%d-%d" % (first, last))


def row_ignore_conditions(request, _argument, options, _random):
    for name in [options["of"]] if "of" in options else ["If-Match", "If-None-Match"]:
        request.headers.remove(name)


# --- rows that change a reply: (request, reply, argument, options, random) -------------------------------------


def row_cut(_request, reply, after, options, drawn):
    spread = options.get("spread", 0)
    reply.wire.cut_after = max(0, after + drawn.randint(-spread, spread))


def row_reset(request, reply, after, options, drawn):
    row_cut(request, reply, after, options, drawn)
    reply.wire.resets = True


def row_flip(_request, reply, n_bits, _options, drawn):
    body, after = bytearray(reply.body), reply.wire.cut_after
    n_arriving = len(body) if after is None else min(after, len(body))
    for _ in range(n_bits if n_arriving else 0):
        body[drawn.randrange(n_arriving)] ^= 1 << drawn.randrange(8)
    reply.body = bytes(body)


def row_drip(_request, reply, rate, _options, _random):
    reply.wire.rate = rate


def row_stall(_request, reply, after, _options, _random):
    reply.wire.stall_after = after


def row_length(_request, reply, error, _options, _random):
    reply.declared_bytes = max(0, len(reply.body) + error)
    reply.wire.closes = True


def row_short(_request, reply, missing, _options, _random):
    reply.body = reply.body[: max(0, len(reply.body) - missing)]


def row_range_header(_request, reply, shift, _options, _random):
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", reply.headers.get("Content-Range", ""))
    if found:
        first, last, total = (int(n) for n in found.groups())
        reply.headers.set("Content-Range", "bytes %d-%d/%d" % (first + shift, last + shift, total + shift))


def row_etag(_request, reply, _argument, _options, drawn):
    reply.headers.set("ETag", '"%032x"' % drawn.getrandbits(128))


def row_no_etag(_request, reply, _argument, _options, _random):
    reply.headers.remove("ETag")


def row_date(_request, reply, shift, _options, _random):
    reply.headers.set("Date", formatdate(time.time() + shift, usegmt=True))


def row_header_bytes(_request, reply, n_bytes, _options, _random):
    reply.headers.set("X-Long", "x" * n_bytes)


def row_body_of_304(_request, reply, n_bytes, _options, _random):
    if reply.status == 304:
        reply.body = PORTAL.ljust(n_bytes, b"!")[:n_bytes]


def row_stale(_request, reply, _argument, _options, _random):
    reply.wire.goes_stale = True


def row_close(_request, reply, _argument, _options, _random):
    reply.wire.closes = True


# name: (what it works on, function, type and default of the argument, options and their types)
NEEDED = object()
ROWS = {
    "status": ("answer", row_status, int, NEEDED, {"code": str, "region": str, "retry-after": str, "bytes": int}),
    "portal": ("answer", row_portal, None, None, {}),
    "portal-redirect": ("answer", row_portal_redirect, None, None, {}),
    "redirect": ("answer", row_redirect, int, 307, {"region": str}),
    "endless": ("answer", row_endless, int, 500, {"rate": int}),
    "endless-headers": ("answer", row_endless_headers, int, 200, {"rate": int}),
    "drop": ("answer", row_drop, None, None, {}),
    "whole": ("request", row_whole, None, None, {}),
    "other-range": ("request", row_other_range, int, NEEDED, {}),
    "ignore-conditions": ("request", row_ignore_conditions, None, None, {"of": str}),
    "cut": ("reply", row_cut, int, NEEDED, {"spread": int}),
    "reset": ("reply", row_reset, int, NEEDED, {"spread": int}),
    "flip": ("reply", row_flip, int, 1, {}),
    "drip": ("reply", row_drip, int, NEEDED, {}),
    "stall": ("reply", row_stall, int, 0, {}),
    "length": ("reply", row_length, int, NEEDED, {}),
    "short": ("reply", row_short, int, NEEDED, {}),
    "range-header": ("reply", row_range_header, int, NEEDED, {}),
    "etag": ("reply", row_etag, None, None, {}),
    "no-etag": ("reply", row_no_etag, None, None, {}),
    "date": ("reply", row_date, int, NEEDED, {}),
    "header-bytes": ("reply", row_header_bytes, int, NEEDED, {}),
    "body-of-304": ("reply", row_body_of_304, int, 40, {}),
    "stale": ("reply", row_stale, None, None, {}),
    "close": ("reply", row_close, None, None, {}),
}
WHEN = {"share": float, "path": str, "method": str, "first": int, "times": int}


class Rule:
    """One line of a script."""

    def __init__(self, place, line):
        words = shlex.split(line, comments=True)
        self.place, self.text, self.n_matches, self.n_fired = place, " ".join(words), 0, 0
        if words[0] not in ROWS:
            raise ScriptError("rule '%s': there is no row '%s'; rows are: %s" % (line.strip(), words[0], ", ".join(sorted(ROWS))))
        self.row = words[0]
        self.kind, self.function, kind, default, known = ROWS[self.row]
        plain = [word for word in words[1:] if "=" not in word]
        if len(plain) > (kind is not None) or (not plain and default is NEEDED):
            raise ScriptError("rule '%s': row %s takes %s" % (line.strip(), self.row, "one number" if kind else "no number"))
        self.options, self.when = {}, {}
        self.argument = self.value(kind, plain[0], line) if plain else default
        for word in words[1:]:
            name, is_option, text = word.partition("=")
            if is_option and name not in known and name not in WHEN:
                raise ScriptError("rule '%s': row %s has no option '%s'" % (line.strip(), self.row, name))
            if is_option:
                target, kinds = (self.options, known) if name in known else (self.when, WHEN)
                target[name] = self.value(kinds[name], text, line)

    @staticmethod
    def value(kind, text, line):
        try:
            return kind(text)
        except ValueError:
            raise ScriptError("rule '%s': '%s' is not a number" % (line.strip(), text)) from None

    def fires(self, request, drawn):
        when = self.when
        if when.get("path", "") not in request.target or when.get("method", request.method) != request.method:
            return False
        self.n_matches += 1
        share = drawn.random() < when.get("share", 1.0)
        if self.n_matches < when.get("first", 1) or self.n_fired >= when.get("times", 1 << 62) or not share:
            return False
        self.n_fired += 1
        return True


class Script:
    """Rules and a seed. Ask `faults` once for each request, in order."""

    def __init__(self, lines, seed):
        lines = [line for line in lines if line.split("#")[0].strip()]
        self.rules = [Rule(place, line) for place, line in enumerate(lines)]
        self.seed, self.n_requests = seed, 0

    def faults(self, request):
        """[(rule, random)] for the next request."""
        self.n_requests += 1
        found = []
        for rule in self.rules:
            drawn = random.Random("%s/%d/%d" % (self.seed, self.n_requests, rule.place))
            if rule.fires(request, drawn):
                found.append((rule, drawn))
                if rule.kind == "answer":
                    break
        return found


def exchange(script_faults, request, ask):
    """The reply that the client gets: `ask` is the real server."""
    for rule, drawn in script_faults:
        if rule.kind == "request":
            rule.function(request, rule.argument, rule.options, drawn)
    answers = [rule.function(request, rule.argument, rule.options, drawn) for rule, drawn in script_faults if rule.kind == "answer"]
    reply = answers[0] if answers else ask(request)
    for rule, drawn in script_faults:
        if rule.kind == "reply":
            rule.function(request, reply, rule.argument, rule.options, drawn)
    return reply
