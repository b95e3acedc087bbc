#!/usr/bin/python3
"""A local S3 for demo, tests and development: OpenStack Swift with its s3api in one process on 127.0.0.1.

Swift's proxy, account, container and object servers run as green threads of this process, over a data folder that
survives restarts. Everything that a client sees of S3 (SigV4, payload hashes, clock skew, ranges, conditional reads,
errors) is Swift's own code. Two things are added here, because s3api of this version refuses them: conditional PUT
(If-None-Match: * is handed to Swift's object server, If-Match is a comparison under a lock) and key ids in AWS's form.

Needs Debian's python3-swift and Debian's python. Stops on SIGTERM or SIGINT.
"""
import argparse
import os
import signal
import socket
import ssl
import sys

MISSING = (
    "local_s3: python3-swift is missing; install it with: "
    "apt-get install --no-install-recommends python3-swift (and start this with /usr/bin/python3)"
)

try:
    import eventlet

    eventlet.monkey_patch()
    import eventlet.debug
    import eventlet.event
    import eventlet.semaphore
    import eventlet.wsgi
    from swift.common import storage_policy, swob, utils
    from swift.common.middleware import tempauth
    from swift.common.middleware.s3api import s3request, s3response
    from swift.common.middleware.s3api.controllers import obj as s3_object
    from swift.common.ring import RingBuilder
    from swift.common.wsgi import SwiftHttpProtocol, loadapp
except ImportError:
    sys.exit(MISSING)

HOST = "127.0.0.1"
ACCOUNT = "fota"
STORAGE = ("account", "container", "object")
LOCKS = 64
CLIENT_TIMEOUT_S = 60

SWIFT_CONF = """[swift-hash]
swift_hash_path_prefix = fota
swift_hash_path_suffix = local
[storage-policy:0]
name = only
default = yes
"""

STORAGE_CONF = """[DEFAULT]
swift_dir = {conf}
devices = {data}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
bind_ip = 127.0.0.1
bind_port = {port}
log_address = {conf}/no-log-socket
log_level = CRITICAL
[pipeline:main]
pipeline = {server}-server
[app:{server}-server]
use = egg:swift#{server}
"""

PROXY_CONF = """[DEFAULT]
swift_dir = {conf}
bind_ip = 127.0.0.1
bind_port = {port}
log_address = {conf}/no-log-socket
log_level = CRITICAL
# listing_formats after s3api: before it, it takes a key v1/x/y in virtual-host style for the listing of a container.
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck s3api tempauth listing_formats bulk slo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = {region}
storage_domain = {domain}
[filter:tempauth]
use = egg:swift#tempauth
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""


class Cache:
    """What Swift keeps in memcached, in this process."""

    def __init__(self):
        self.values = {}

    def get(self, key, *_args, **_kwargs):
        return self.values.get(key)

    def set(self, key, value, *_args, **_kwargs):
        self.values[key] = value

    def delete(self, key, *_args, **_kwargs):
        self.values.pop(key, None)

    def incr(self, key, delta=1, *_args, **_kwargs):
        self.values[key] = int(self.values.get(key, 0)) + delta
        return self.values[key]

    def decr(self, key, delta=1, *args, **kwargs):
        return self.incr(key, -delta, *args, **kwargs)

    def get_multi(self, keys, *_args, **_kwargs):
        return [self.values.get(key) for key in keys]

    def set_multi(self, mapping, *_args, **_kwargs):
        self.values.update(mapping)


class WithCache:
    """Gives each request the cache, below the gatekeeper's sight."""

    def __init__(self, app):
        self.app = app
        self.cache = Cache()

    def __call__(self, env, start_response):
        env["swift.cache"] = self.cache
        return self.app(env, start_response)


def use_aws_key_ids(users):
    """Let tempauth know `users` (id -> (secret, is_admin)) by ids without a colon."""
    plain_init, plain_groups = tempauth.TempAuth.__init__, tempauth.TempAuth.get_groups

    def init(self, app, conf):
        plain_init(self, app, conf)
        self.users = {
            ACCOUNT + ":" + key_id: {
                "key": secret,
                "url": "$HOST/v1/AUTH_" + ACCOUNT,
                "groups": [".admin"] if is_admin else [],
            }
            for key_id, (secret, is_admin) in users.items()
        }

    def get_groups(self, env, token):
        details = env.get("s3api.auth_details")
        if details and ":" not in details["access_key"]:
            key_id = details["access_key"]
            details["access_key"] = ACCOUNT + ":" + key_id
            env["PATH_INFO"] = env["PATH_INFO"].replace(key_id, details["access_key"], 1)
        return plain_groups(self, env, token)

    tempauth.TempAuth.__init__, tempauth.TempAuth.get_groups = init, get_groups


def allow_conditional_put():
    """PUT with If-None-Match: * or If-Match, as AWS does since 2024."""
    plain_validate = s3request.S3Request._validate_headers
    plain_put = s3_object.ObjectController.PUT
    locks = [eventlet.semaphore.Semaphore() for _ in range(LOCKS)]

    def validate(self):
        hidden = {}
        if self.method == "PUT":
            for name in ("If-Match", "If-None-Match"):
                if name in self.headers:
                    hidden[name] = self.headers.pop(name)
        if hidden.get("If-None-Match", "*") != "*":
            raise s3response.S3NotImplemented("If-None-Match on a PUT must be *")
        plain_validate(self)
        self.headers.update(hidden)

    def put(self, req):
        wanted = req.headers.pop("If-Match", None)
        with locks[hash((req.container_name, req.object_name)) % LOCKS]:
            if wanted is not None:
                current = req.get_response(self.app, method="HEAD").headers.get("ETag", "")
                if wanted.strip('"') != current.strip('"'):
                    raise s3response.PreconditionFailed()
            return plain_put(self, req)

    s3request.S3Request._validate_headers = validate
    s3_object.ObjectController.PUT = utils.public(put)


def listen(port):
    try:
        sock = eventlet.listen((HOST, port), backlog=128, reuse_addr=True)
    except OSError as error:
        sys.exit("local_s3: cannot listen on %s:%d: %s; choose another --port (0 takes a free one)" % (HOST, port, error.strerror))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def write_file(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def build_ring(conf, server, port):
    """One device, one replica. Written anew at each start, because the ports are new."""
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "ip": HOST, "port": port, "device": "d", "weight": 1.0,
                     "replication_ip": HOST, "replication_port": port})
    builder.rebalance()
    builder.get_ring().save(os.path.join(conf, server + ".ring.gz"))


def serve(sock, app):
    eventlet.spawn(eventlet.wsgi.server, sock, app, log=utils.NullLogger(), log_output=False, protocol=SwiftHttpProtocol,
                   socket_timeout=CLIENT_TIMEOUT_S, capitalize_response_headers=False)


def make_buckets(app, buckets):
    """Create buckets and set who may read and write, as the account's owner."""
    for name, rights in buckets:
        headers = {"X-Container-Read": "", "X-Container-Write": ""}
        for right, ids in rights.items():
            headers["X-Container-" + right.capitalize()] = ",".join(ACCOUNT + ":" + key_id for key_id in ids)
        request = swob.Request.blank("/v1/AUTH_%s/%s" % (ACCOUNT, name), method="PUT", headers=headers)
        request.environ.update({"swift.authorize_override": True, "swift_owner": True})
        response = request.get_response(app)
        if response.status_int // 100 != 2:
            sys.exit("local_s3: cannot create bucket %s: Swift answered %s" % (name, response.status))


def parse_user(text):
    parts = text.split(":")
    if len(parts) not in (2, 3) or not parts[0] or not parts[1] or parts[2:] not in ([], ["admin"]):
        raise argparse.ArgumentTypeError("want ID:SECRET or ID:SECRET:admin, got %r" % text)
    return parts[0], (parts[1], len(parts) == 3)


def parse_bucket(text):
    name, *rest = text.split(":")
    rights = {}
    for item in rest:
        right, _, ids = item.partition("=")
        if right not in ("read", "write") or not ids:
            raise argparse.ArgumentTypeError("want NAME[:read=ID[,ID]][:write=ID], got %r" % text)
        rights[right] = ids.split(",")
    if not name or not all(c.islower() or c.isdigit() or c == "-" for c in name):
        raise argparse.ArgumentTypeError("bucket names are a-z, 0-9 and -, got %r" % name)
    return name, rights


def parse_arguments():
    parser = argparse.ArgumentParser(description="Local S3 (OpenStack Swift) on 127.0.0.1, for demo and tests.")
    parser.add_argument("--dir", required=True, help="folder for data and configuration; made if missing")
    parser.add_argument("--port", type=int, default=9000, help="port of the S3 API; 0 takes a free one (default 9000)")
    parser.add_argument("--listen", default=HOST, metavar="ADDRESS", help="only %s is allowed" % HOST)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--domain", default="s3.localhost", help="domain of virtual-host style requests")
    parser.add_argument("--user", type=parse_user, action="append", default=[], metavar="ID:SECRET[:admin]")
    parser.add_argument("--bucket", type=parse_bucket, action="append", default=[], metavar="NAME[:read=ID][:write=ID]")
    parser.add_argument("--no-conditional-put", action="store_true", help="answer 501 to conditional PUT, as Swift does")
    parser.add_argument("--cert", metavar="FILE", help="TLS certificate (PEM)")
    parser.add_argument("--key", metavar="FILE", help="TLS private key (PEM)")
    arguments = parser.parse_args()
    if arguments.listen != HOST:
        parser.error("this server is for one machine: it listens on %s and nowhere else" % HOST)
    if not arguments.user:
        parser.error("at least one --user is needed; give the first one :admin so that it can write")
    if bool(arguments.cert) != bool(arguments.key):
        parser.error("--cert and --key go together")
    return arguments


def main():
    arguments = parse_arguments()
    eventlet.debug.hub_exceptions(False)  # a client that hangs up is no news
    conf, data = os.path.join(arguments.dir, "conf"), os.path.join(arguments.dir, "data")
    try:
        os.makedirs(conf, exist_ok=True)
        os.makedirs(os.path.join(data, "d"), exist_ok=True)
        write_file(os.path.join(conf, "swift.conf"), SWIFT_CONF)
    except OSError as error:
        sys.exit("local_s3: cannot write to %s: %s" % (arguments.dir, error.strerror))
    conf, data = os.path.abspath(conf), os.path.abspath(data)
    utils.set_swift_dir(conf)
    storage_policy.reload_storage_policies()
    use_aws_key_ids(dict(arguments.user))
    if not arguments.no_conditional_put:
        allow_conditional_put()

    front = listen(arguments.port)
    sockets = {server: listen(0) for server in STORAGE}
    for server, sock in sockets.items():
        build_ring(conf, server, sock.getsockname()[1])
    for server, sock in sockets.items():
        path = os.path.join(conf, server + ".conf")
        write_file(path, STORAGE_CONF.format(conf=conf, data=data, port=sock.getsockname()[1], server=server))
        serve(sock, loadapp(path))
    path = os.path.join(conf, "proxy.conf")
    port = front.getsockname()[1]
    write_file(path, PROXY_CONF.format(conf=conf, port=port, region=arguments.region, domain=arguments.domain))
    app = WithCache(loadapp(path))
    make_buckets(app, arguments.bucket)
    if arguments.cert:
        try:
            front = eventlet.wrap_ssl(front, certfile=arguments.cert, keyfile=arguments.key, server_side=True)
        except (OSError, ssl.SSLError) as error:
            sys.exit("local_s3: cannot use --cert and --key: %s" % error)
    serve(front, app)

    stop = eventlet.event.Event()

    def on_signal(*_):
        eventlet.hubs.get_hub().schedule_call_global(0, stop.send)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    print("local_s3 ready %s://%s:%d" % ("https" if arguments.cert else "http", HOST, port), flush=True)
    stop.wait()


if __name__ == "__main__":
    main()
