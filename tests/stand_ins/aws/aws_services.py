#!/usr/bin/env python3
"""A stand-in for what gives credentials on AWS: instance metadata (IMDSv2), STS, single sign-on, a container's endpoint.

It gives the key pair of a user of the local S3, with a session token, so that what it gave is checked by the server that is
asked next. A call of STS is verified: its SigV4 is computed here by other code than the client's, for the key that it names.

    aws_services.py --give ID:SECRET --know ID:SECRET --lifetime 3600 --log FILE [--refuse TEXT] [--end-file FILE]

It prints `aws_services ready URL`. One line of the log for each request: what was asked, and who signed it. --refuse answers
AccessDenied to roles that have this text in their ARN. With --end-file, what is given ends when the file says (seconds since
1970), and the file is read at each request.
"""
import argparse
import hashlib
import hmac
import json
import re
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROLE = "gateway-role"
IMDS = "/latest/meta-data/iam/security-credentials/"
IMDS_TOKEN = "imds-session-token"
SSO_TOKEN = "sso-access-token"
SESSION_TOKEN = "session/token+of=the-stand-in"
IDENTITY = "web.identity.token"


def seconds_text(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def signature(secret, scope, date, canonical):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Services(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    options = None

    def log_message(self, *_args):
        pass

    def note(self, text):
        with open(self.options.log, "a") as log:
            log.write(text + "\n")

    def answer(self, status, body, kind="application/json"):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end(self):
        o = self.options
        return int(Path(o.end_file).read_text()) if o.end_file else int(time.time()) + o.lifetime

    def machine_credentials(self):
        key_id, secret = self.options.give
        return json.dumps({"Code": "Success", "AccessKeyId": key_id, "SecretAccessKey": secret, "Token": SESSION_TOKEN,
                           "Expiration": seconds_text(self.end())}, indent=1)

    # --- instance metadata -----------------------------------------------------------------------------------------

    def do_PUT(self):
        is_right = self.path == "/latest/api/token" and 1 <= int(self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "0")) <= 21600
        self.note("imds token")
        self.answer(200 if is_right else 400, IMDS_TOKEN if is_right else "", "text/plain")

    def instance(self):
        if self.headers.get("X-aws-ec2-metadata-token") != IMDS_TOKEN:
            self.note("imds without token")
            return self.answer(401, "", "text/plain")
        name = self.path[len(IMDS):]
        self.note("imds " + (name or "list"))
        if name == "":
            return self.answer(200, ROLE, "text/plain")
        return self.answer(200, self.machine_credentials()) if name == ROLE else self.answer(404, "", "text/plain")

    # --- single sign-on, container -----------------------------------------------------------------------------------

    def single_sign_on(self, query):
        key_id, secret = self.options.give
        asked = dict(urllib.parse.parse_qsl(query))
        self.note("sso %s %s" % (asked.get("account_id"), asked.get("role_name")))
        if self.headers.get("x-amz-sso_bearer_token") != SSO_TOKEN:
            return self.answer(401, json.dumps({"message": "Session token not found or invalid"}))
        return self.answer(200, json.dumps({"roleCredentials": {
            "accessKeyId": key_id, "secretAccessKey": secret, "sessionToken": SESSION_TOKEN, "expiration": self.end() * 1000}}))

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path.startswith(IMDS):
            return self.instance()
        if path == "/federation/credentials":
            return self.single_sign_on(query)
        if path == "/container":
            self.note("container %s" % self.headers.get("Authorization"))
            return self.answer(200, self.machine_credentials())
        return self.answer(404, "", "text/plain")

    # --- STS ------------------------------------------------------------------------------------------------------------

    def signer(self, body):
        """(key id, what is wrong with the signature or None)."""
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                             self.headers.get("Authorization", ""))
        if not found:
            return None, "MissingAuthenticationToken"
        key_id, scope, names, given = found.groups()
        date = self.headers.get("X-Amz-Date", "")
        secrets = dict(self.options.know + [self.options.give])
        if key_id not in secrets:
            return key_id, "InvalidClientTokenId"
        # Only what is given comes with a token, and it must be among what is signed.
        needs_token = (key_id, self.headers.get("X-Amz-Security-Token")) == (self.options.give[0], SESSION_TOKEN)
        has_token = "x-amz-security-token" in names.split(";")
        if needs_token != has_token:
            return key_id, "IncompleteSignature"
        canonical = "\n".join(["POST", self.path, ""] + ["%s:%s" % (name, self.headers.get(name, "").strip()) for name in names.split(";")]
                              + ["", names, hashlib.sha256(body).hexdigest()])
        day, region, service, last = scope.split("/")
        is_right = (day == date[:8] and region == self.options.region and service == "sts" and last == "aws4_request"
                    and "host" in names and "x-amz-date" in names and given == signature(secrets[key_id], scope, date, canonical))
        return key_id, None if is_right else "SignatureDoesNotMatch"

    def refuse(self, status, code, message):
        self.answer(status, "<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type><Code>%s</Code>"
                    "<Message>%s</Message></Error></ErrorResponse>" % (code, message), "text/xml")

    def grant(self, action):
        key_id, secret = self.options.give
        self.answer(200, "<%sResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><%sResult><AssumedRoleUser><Arn>arn:aws:sts::1:x"
                    "</Arn></AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s"
                    "</SessionToken><Expiration>%s</Expiration></Credentials></%sResult></%sResponse>"
                    % (action, action, key_id, secret, SESSION_TOKEN, seconds_text(self.end()), action, action), "text/xml")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        asked = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
        action, role = asked.get("Action"), asked.get("RoleArn", "")
        if action == "AssumeRoleWithWebIdentity":
            wrong = None if asked.get("WebIdentityToken") == IDENTITY else "InvalidIdentityToken"
            key_id = "web"
        else:
            key_id, wrong = self.signer(body)
        extra = "".join(" %s=%s" % (name, asked[name]) for name in ("ExternalId", "DurationSeconds") if name in asked)
        self.note("sts %s %s by %s%s%s" % (action, role, key_id, extra, " " + wrong if wrong else ""))
        if wrong:
            return self.refuse(403, wrong, "the stand-in refuses this")
        if self.options.refuse and self.options.refuse in role:
            return self.refuse(403, "AccessDenied", "User is not authorized to perform: sts:AssumeRole on resource: %s" % role)
        return self.grant(action)


def pair(text):
    key_id, _, secret = text.partition(":")
    return key_id, secret


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--give", type=pair, required=True)
    parser.add_argument("--know", type=pair, action="append", default=[])
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--lifetime", type=int, default=3600)
    parser.add_argument("--end-file")
    parser.add_argument("--refuse")
    parser.add_argument("--log", required=True)
    Services.options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    print("aws_services ready http://127.0.0.1:%d" % server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
