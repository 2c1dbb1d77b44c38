"""Demands that two float32 .npy files are near: near.py A B MOST_APART"""
import struct
import sys


def load(path):
    data = open(path, "rb").read()
    size, = struct.unpack("<H", data[8:10])
    assert b"<f4" in data[10:10 + size], f"{path}: not float32"
    return [x for x, in struct.iter_unpack("<f", data[10 + size:])]


a, b = load(sys.argv[1]), load(sys.argv[2])
worst = max(abs(x - y) for x, y in zip(a, b, strict=True))
if not worst <= float(sys.argv[3]):
    sys.exit(f"{worst} apart")
