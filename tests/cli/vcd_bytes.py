#!/usr/bin/env python3
"""What sigrok reads on the wires of a VCD file: decode it as SPI and find transfers in order.

Usage: vcd_bytes.py FILE.vcd

Prints one line a transfer found; exit 1 with a sentence at the first that is missing. The transfers are the first that
a gateway makes with any loader (AN4286 2): sync, Get ID, Get.
"""
import re
import subprocess
import sys

# What the host clocks, and what it then reads; the command is over with another ACK procedure.
TRANSFERS = [
    ("sync", "5A", None),
    ("Get ID", "5A 02 FD", "01 04 13"),
    ("Get", "5A 00 FF", "11 00 01 02 11 21 31 44 63 73 82 92"),
]
ACK, DUMMY, ANSWER_MAX_BYTES = 0x79, 0x00, 8

# Idle times longer than 100 us are cut short and every fifth nanosecond is looked at, or sigrok takes a minute for a second.
DECODE = ["-I", "vcd:compress=100000:downsample=5", "-P", "spi:clk=SCK:mosi=MOSI:miso=MISO:cs=NSS"]


def lane(path, name):
    out = subprocess.run(["sigrok-cli", "-i", path, *DECODE, "-A", f"spi={name}-data"], check=True,
                         capture_output=True, text=True).stdout
    return [int(byte, 16) for byte in re.findall(r"^spi-1: ([0-9A-F]{2})$", out, re.M)]


def ack_at(mosi, miso, i):
    """The ACK procedure: zeros until MISO shows the ACK, then the host's echo. Returns where it ends, None if it is not one."""
    while i < len(mosi) and mosi[i] == DUMMY and miso[i] != ACK:
        i += 1
    if i + 1 < len(mosi) and mosi[i] == DUMMY and miso[i] == ACK and mosi[i + 1] == ACK:
        return i + 2
    return None


def answer_at(mosi, miso, i, answer):
    """The answer, among zeros of the host, and the ACK procedure after it. Returns where that ends."""
    for at in range(i, min(i + ANSWER_MAX_BYTES, len(mosi))):
        if mosi[at] != DUMMY:
            return None
        if miso[at:at + len(answer)] == answer:
            return ack_at(mosi, miso, at + len(answer))
    return None


def find(mosi, miso, start, frame, answer):
    for i in range(start, len(mosi) - len(frame)):
        if mosi[i:i + len(frame)] == frame:
            end = ack_at(mosi, miso, i + len(frame))
            if end is not None and answer is not None:
                end = answer_at(mosi, miso, end, answer)
            if end is not None:
                return end
    return None


def main(args):
    if len(args) != 1:
        sys.exit(__doc__)
    mosi, miso = lane(args[0], "mosi"), lane(args[0], "miso")
    if not mosi or len(mosi) != len(miso):
        sys.exit(f"vcd_bytes: {len(mosi)} bytes on MOSI, {len(miso)} on MISO")
    at = 0
    for name, frame, answer in TRANSFERS:
        at = find(mosi, miso, at, list(bytes.fromhex(frame)), answer and list(bytes.fromhex(answer)))
        if at is None:
            sys.exit(f"vcd_bytes: {name} ({frame}, ACK{', ' + answer if answer else ''}) is not on the wires")
        print(f"{name}: {frame}, ACK{', ' + answer + ', ACK' if answer else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
