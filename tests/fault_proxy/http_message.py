"""Requests and replies of HTTP/1.1 as the fault proxy handles them: read in full, changed, then written piece by piece."""
from dataclasses import dataclass, field

HEAD_MAX_BYTES = 65536
HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade")


class Headers:
    """Header lines in their order; names are compared without case."""

    def __init__(self, lines=()):
        self.lines = list(lines)

    def get(self, name, default=None):
        return next((value for key, value in self.lines if key.lower() == name.lower()), default)

    def remove(self, name):
        self.lines = [(key, value) for key, value in self.lines if key.lower() != name.lower()]

    def set(self, name, value):
        self.remove(name)
        self.lines.append((name, str(value)))


@dataclass
class Request:
    method: str
    target: str
    headers: Headers
    body: bytes = b""


@dataclass
class Wire:
    """How a reply is written. None and False: as it should be."""

    cut_after: int = None  # body bytes, then the connection ends
    resets: bool = False  # it ends with RST, which may also take back what was sent
    rate: int = None  # bytes a second, the head included
    stall_after: int = None  # body bytes, then silence until the client goes away
    endless_body: bool = False
    endless_headers: bool = False
    closes: bool = False  # after this reply, and says so
    goes_stale: bool = False  # promises to keep the connection, and closes it when the next request comes
    drops: bool = False  # not a byte is answered


@dataclass
class Reply:
    status: int
    reason: str
    headers: Headers
    body: bytes = b""
    declared_bytes: int = None  # Content-Length, if it is not the body's
    wire: Wire = field(default_factory=Wire)

    def head(self):
        lines = ["HTTP/1.1 %d %s" % (self.status, self.reason)]
        lines += ["%s: %s" % line for line in self.headers.lines if line[0].lower() not in HOP_BY_HOP + ("content-length",)]
        if not self.wire.endless_body and (self.body or self.status not in (204, 304)):
            lines.append("Content-Length: %d" % (len(self.body) if self.declared_bytes is None else self.declared_bytes))
        if self.wire.closes or self.wire.endless_body:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def read_head(sock, buffer):
    """Bytes of `sock` up to the empty line; `buffer` (a bytearray) keeps what follows. None: the client is gone."""
    while b"\r\n\r\n" not in buffer:
        if len(buffer) > HEAD_MAX_BYTES:
            raise ValueError("a request with more than %d bytes of headers" % HEAD_MAX_BYTES)
        received = sock.recv(16384)
        if not received:
            return None
        buffer += received
    head, _, rest = bytes(buffer).partition(b"\r\n\r\n")
    buffer[:] = rest
    return head.decode("latin-1")


def read_request(sock, buffer):
    """The next request of a connection, or None at its end. Bodies come with a Content-Length, as those of the gateway do."""
    head = read_head(sock, buffer)
    if head is None:
        return None
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = Headers()
    for line in lines:
        name, _, value = line.partition(":")
        headers.lines.append((name.strip(), value.strip()))
    if headers.get("Expect", "").lower() == "100-continue":
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    wanted = int(headers.get("Content-Length", "0"))
    while len(buffer) < wanted:
        received = sock.recv(65536)
        if not received:
            return None
        buffer += received
    body = bytes(buffer[:wanted])
    del buffer[:wanted]
    return Request(method, target, headers, body)
