"""Copies a file with one bit changed: flip.py FROM TO FRACTION"""
import sys

data = bytearray(open(sys.argv[1], "rb").read())
data[int(len(data) * float(sys.argv[3]))] ^= 1
open(sys.argv[2], "wb").write(data)
