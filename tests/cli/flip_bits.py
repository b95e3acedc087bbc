#!/usr/bin/python3
"""flip_bits.py FOTA IMAGE KEYS: flip bits of an image one by one; each must be refused, with a reason.

Every 11th bit of the header and of everything after the program, and every 397th between them: each is a process. The
library's test flips them all (image_test, every_flipped_bit_is_refused). Prints how often each reason was given. First the untouched image must pass and a planted fault must be seen, so that the check can say both.
"""
import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HEADER_BYTES, HEADER_AREA_BYTES, PROGRAM_BYTES, STRIDE, PROGRAM_STRIDE = 32, 0x200, 2048, 11, 397


def inspect(fota, keys, data, folder):
    path = Path(folder) / "image"
    path.write_bytes(data)
    done = subprocess.run([fota, "inspect", "--json", "--keys", keys, "--hw", "f407-disco", "--slot", "a", str(path)],
                          capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout).get("error", "ok")


def main():
    fota, image, keys = sys.argv[1:4]
    data = Path(image).read_bytes()
    after = HEADER_AREA_BYTES + PROGRAM_BYTES
    bits = list(range(0, HEADER_BYTES * 8, STRIDE)) + list(range(HEADER_BYTES * 8, after * 8, PROGRAM_STRIDE)) + \
        list(range(after * 8, len(data) * 8, STRIDE))
    reasons = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        if inspect(fota, keys, data, folder) != (0, "ok"):
            sys.exit("the untouched image is refused")
        for bit in bits:
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            code, reason = inspect(fota, keys, bytes(flipped), folder)
            if code != 1 or not reason.startswith("E_IMAGE_"):
                sys.exit("bit %d of byte %d flipped: exit code %d, %s" % (bit % 8, bit // 8, code, reason))
            reasons[reason] += 1
    print("%d flips, all refused: %s" % (len(bits), ", ".join("%s %d" % item for item in sorted(reasons.items()))))


if __name__ == "__main__":
    main()
