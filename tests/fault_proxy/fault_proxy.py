#!/usr/bin/env python3
"""A fault proxy: stands between a client and an S3 server on 127.0.0.1, and spoils what a script says (README.md has the rows).

Usage: fault_proxy.py --upstream URL [--conditions] | --memory  [--script FILE] [--rule RULE]... [--seed N] [--port N] [--log FILE]
                      [--cert FILE --key FILE]

Prints "fault_proxy ready URL" when it listens; stops on SIGTERM or SIGINT. The log has a line of JSON for each request, without
times, when its last byte is written, or before it falls silent: one request after the other, with the same seed, give the same log.
"""
import argparse
import json
import signal
import socket
import ssl
import struct
import sys
import threading
import time

from http_message import read_request
from origin import Conditions, Memory, Upstream
from rows import Script, ScriptError, exchange

HOST = "127.0.0.1"
PIECE_BYTES = 16384
RECORD_BYTES = 1024  # of a TLS record: a client sees the bytes before a cut, not a record that is never whole
PACE_S = 0.05


class ClientGone(Exception):
    """The client closed the connection, or a fault did."""


class Writer:
    """Writes a reply as its Wire says, and counts body bytes."""

    def __init__(self, sock, reply, piece_bytes, note):
        self.sock, self.reply, self.wire, self.piece_bytes, self.body_bytes = sock, reply, reply.wire, piece_bytes, 0
        self.note = note

    def send(self, data):
        rate = self.wire.rate
        size = self.piece_bytes if rate is None else max(1, min(self.piece_bytes, int(rate * PACE_S)))
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            try:
                self.sock.sendall(piece)
            except (OSError, ssl.SSLError):
                raise ClientGone from None
            if rate is not None:
                time.sleep(len(piece) / rate)

    def send_body(self, data):
        size = self.piece_bytes
        for at in range(0, len(data), size):
            self.send(data[at : at + size])
            self.body_bytes += len(data[at : at + size])

    def end(self):
        if self.wire.resets:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ClientGone

    def stall(self):
        """Silence until the client goes away; what it says meanwhile is not heard."""
        self.note(self)
        try:
            while self.sock.recv(4096):
                pass
        except (OSError, ssl.SSLError):
            pass
        raise ClientGone

    def write(self):
        wire, body = self.wire, self.reply.body
        if wire.drops:
            self.end()
        self.send(self.reply.head())
        n_line = 0
        while wire.endless_headers:
            n_line += 1
            self.send(b"X-Fill-%d: %s\r\n" % (n_line, b"x" * 200))
        self.send(b"\r\n")
        while wire.endless_body:
            self.send_body(body or b"x")
            body = b"x" * PIECE_BYTES
        if wire.stall_after is not None:
            self.send_body(body[: wire.stall_after])
            self.stall()
        if wire.cut_after is not None and wire.cut_after < len(body):
            self.send_body(body[: wire.cut_after])
            self.end()
        self.send_body(body)


class Proxy:
    """Listens until `stop`; one thread for each connection."""

    def __init__(self, script, make_origin, port=0, context=None, log=None):
        self.script, self.make_origin, self.context, self.log = script, make_origin, context, log
        self.lock = threading.Lock()
        self.listener = socket.create_server((HOST, port), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = "%s://%s:%d" % ("https" if context else "http", HOST, self.port)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def stop(self):
        self.listener.close()

    def serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            origin = self.make_origin()
            try:
                self.converse(sock, origin)
            finally:
                origin.close()
        except (ClientGone, OSError, ssl.SSLError):
            pass  # a client that hangs up, or does not trust our certificate, is no news
        finally:
            sock.close()

    def converse(self, sock, origin):
        buffer = bytearray()
        is_stale = is_closed = False
        while not is_closed:
            request = read_request(sock, buffer)
            if request is None or is_stale:
                return
            with self.lock:
                faults = self.script.faults(request)
                n_request = self.script.n_requests
            reply = exchange(faults, request, origin.ask)
            if request.method == "HEAD":
                reply.declared_bytes, reply.body = len(reply.body), b""
            is_noted = []

            def note(writer):
                if not is_noted:
                    is_noted.append(True)
                    self.note(n_request, request, faults, writer)

            writer = Writer(sock, reply, RECORD_BYTES if self.context else PIECE_BYTES, note)
            try:
                writer.write()
            finally:
                note(writer)
            is_stale, is_closed = reply.wire.goes_stale, reply.wire.closes

    def note(self, n_request, request, faults, writer):
        if not self.log:
            return
        line = {"n": n_request, "method": request.method, "target": request.target, "range": request.headers.get("Range"),
                "faults": [rule.text for rule, _ in faults], "status": writer.reply.status, "body_bytes": writer.body_bytes}
        with self.lock:
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()


def make_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def parse_arguments():
    parser = argparse.ArgumentParser(description="A proxy with faults on 127.0.0.1, for tests.")
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--upstream", metavar="URL", help="the server to pass requests on to, http://HOST:PORT")
    origin.add_argument("--memory", action="store_true", help="no server: keep objects in memory, check no signature")
    parser.add_argument("--conditions", action="store_true", help="refuse writes whose condition does not hold: the server does not")
    parser.add_argument("--script", metavar="FILE", help="rules, one a line")
    parser.add_argument("--rule", action="append", default=[], help="one more rule, after those of the script")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", metavar="FILE", help="a line of JSON for each request")
    parser.add_argument("--cert", metavar="FILE")
    parser.add_argument("--key", metavar="FILE")
    arguments = parser.parse_args()
    if bool(arguments.cert) != bool(arguments.key):
        parser.error("--cert and --key go together")
    if arguments.upstream and not arguments.upstream.startswith("http://"):
        parser.error("--upstream is http://HOST:PORT; TLS is between the client and this proxy")
    return arguments


def make_origin(arguments):
    """A function that gives each connection its way to the server."""
    if arguments.memory:
        memory = Memory()
        return lambda: memory
    if arguments.conditions:
        table = Conditions.make_table()
        return lambda: Conditions(Upstream(arguments.upstream), table)
    return lambda: Upstream(arguments.upstream)


def main():
    arguments = parse_arguments()
    try:
        lines = open(arguments.script, encoding="utf-8").read().splitlines() if arguments.script else []
        script = Script(lines + arguments.rule, arguments.seed)
        context = make_context(arguments.cert, arguments.key) if arguments.cert else None
        log = open(arguments.log, "w", encoding="utf-8") if arguments.log else None
        proxy = Proxy(script, make_origin(arguments), arguments.port, context, log)
    except (OSError, ssl.SSLError, ScriptError) as error:
        sys.exit("fault_proxy: %s" % error)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print("fault_proxy ready %s" % proxy.url, flush=True)
    stop.wait()
    proxy.stop()


if __name__ == "__main__":
    main()
