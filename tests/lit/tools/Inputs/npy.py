"""Writes a small .npy file: npy.py OUT DTYPE SHAPE VALUE...

DTYPE i8 or f4; SHAPE 1x12; fewer values than elements repeat.
"""
import itertools
import math
import struct
import sys

out, dtype, shape, *values = sys.argv[1:]
dims = [int(d) for d in shape.split("x")]
code = {"i8": "q", "f4": "f"}[dtype]
kind = int if dtype == "i8" else float
n = math.prod(dims)
data = list(itertools.islice(itertools.cycle(map(kind, values)), n))
header = "{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }" % (
    dtype, "".join(f"{d}, " for d in dims))
header += " " * (63 - (10 + len(header)) % 64) + "\n"
with open(out, "wb") as f:
    f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
    f.write(header.encode() + struct.pack(f"<{n}{code}", *data))
