#!/bin/bash
# An example of examples/, as a user would take it: copied out of the tree, built there against this tree, signed, put on the
# twin as release 1.0.0, updated over SPI to release 2.0.0, which must confirm itself.
#
# Usage: example.sh NAME      environment: FOTA (the command), CLI_TESTS (tests/cli)
# Exit 0 passed, 77 skipped (no firmware yet), else failed.
set -e
. "$CLI_TESTS/lib.sh"
. "$(dirname "$0")/lib.sh"
set +e
name=$1
need_firmware

cp -r "$ROOT/examples/$name" project
for version in 1.0.0 2.0.0; do
    build_outside -DAPP_VERSION=$version -DFOTA_SIGN_KEY="$ROOT/build/keys/image-key.pem"
    for slot in a b; do
        want cp "build/$name-$slot.img" "$version-$slot.img"
    done
done
want_user_flags_only project/

want_update_on_twin "$name"
echo "passed: $N_CHECKS checks"
