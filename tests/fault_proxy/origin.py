"""Servers that the fault proxy stands in front of: a real one over HTTP, or objects in memory.

Memory answers as S3 does (ETag, one range, conditions on GET and PUT) and checks no signature: it is for tests that look at the
client, and for speed. What S3 itself does is tested against real servers.
"""
import hashlib
import http.client
import re
import threading
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from http_message import HOP_BY_HOP, Headers, Reply
from rows import REASONS, xml_error

TIMEOUT_S = 120


def unmet(request, etag):
    """Is there a condition on this write that does not hold for what is there, an object with `etag` or none (None)?"""
    wanted = request.headers.get("If-Match")
    return (request.headers.get("If-None-Match") == "*" and etag is not None) or (wanted is not None and wanted != etag)


def error(status, code):
    return Reply(status, REASONS[status], Headers([("Content-Type", "application/xml")]), xml_error(code, None, 0))


class Memory:
    """Objects by their path, for all connections."""

    def __init__(self):
        self.objects, self.lock = {}, threading.Lock()

    def close(self):
        """The end of one connection of a client: the objects stay."""

    def ask(self, request):
        with self.lock:
            path = unquote(urlsplit(request.target).path)
            reply = self.put(path, request) if request.method == "PUT" else self.get(path, request)
        reply.headers.set("Date", formatdate(usegmt=True))
        return reply

    def put(self, path, request):
        if unmet(request, self.objects.get(path, (None,))[0]):
            return error(412, "PreconditionFailed")
        etag = '"%s"' % hashlib.md5(request.body).hexdigest()
        self.objects[path] = (etag, request.body)
        return Reply(200, "OK", Headers([("ETag", etag)]))

    def get(self, path, request):
        if request.method not in ("GET", "HEAD") or path not in self.objects:
            return error(404, "NoSuchKey")
        etag, body = self.objects[path]
        headers = Headers([("ETag", etag), ("Accept-Ranges", "bytes"), ("Content-Type", "binary/octet-stream")])
        if request.headers.get("If-Match", etag) != etag:
            return error(412, "PreconditionFailed")
        if request.headers.get("If-None-Match") == etag:
            return Reply(304, REASONS[304], headers)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if not found:
            return Reply(200, "OK", headers, body)
        first, last = int(found[1]), min(int(found[2]), len(body) - 1)
        if first > last:
            return error(416, "InvalidRange")
        headers.set("Content-Range", "bytes %d-%d/%d" % (first, last, len(body)))
        return Reply(206, REASONS[206], headers, body[first : last + 1])


class Upstream:
    """A real server. One object for each connection of a client: requests of one connection use one connection there too."""

    def __init__(self, url):
        place = urlsplit(url)
        self.connection = http.client.HTTPConnection(place.hostname, place.port or 80, timeout=TIMEOUT_S)

    def ask(self, request):
        try:
            return self.ask_once(request)
        except (http.client.RemoteDisconnected, ConnectionError):  # the server had closed an idle connection
            self.connection.close()
            return self.ask_once(request)

    def ask_once(self, request):
        c = self.connection
        c.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.lines:  # Host too, as it came: it is signed
            if name.lower() not in HOP_BY_HOP + ("expect",):
                c.putheader(name, value)
        c.endheaders(request.body or None)
        got = c.getresponse()
        headers = Headers([(n, v) for n, v in got.getheaders() if n.lower() not in HOP_BY_HOP])
        return Reply(got.status, got.reason, headers, got.read())

    def close(self):
        self.connection.close()


class Conditions:
    """Stands in for the conditions on writes that a server ignores. It knows only what was written through it, so all writes must be."""

    def __init__(self, server, table):
        self.server, (self.etags, self.lock) = server, table

    @staticmethod
    def make_table():
        """ETag of each path; one for all connections of a server."""
        return {}, threading.Lock()

    def ask(self, request):
        if request.method != "PUT":
            return self.server.ask(request)
        with self.lock:
            if unmet(request, self.etags.get(request.target)):
                return error(412, "PreconditionFailed")
            reply = self.server.ask(request)
            if reply.status == 200:
                self.etags[request.target] = reply.headers.get("ETag")
            return reply

    def close(self):
        self.server.close()
