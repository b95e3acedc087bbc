#!/bin/sh
# A throw-away CA and a certificate for 127.0.0.1, localhost and *.s3.localhost: ca.crt, server.crt, server.key in DIR.
#
# Usage: make_ca.sh DIR
set -eu
cd "$1"
curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
# shellcheck disable=SC2086 # a list of words
openssl req -x509 $curve -keyout ca.key -out ca.crt -days 2 -subj '/CN=throw-away CA of a test' \
    -addext basicConstraints=critical,CA:TRUE 2>/dev/null
# shellcheck disable=SC2086
openssl req $curve -keyout server.key -out server.csr -subj /CN=127.0.0.1 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost\nbasicConstraints=CA:FALSE\n' >server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.crt 2>/dev/null
