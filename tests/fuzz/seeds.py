#!/usr/bin/python3
"""Fills DIR/{plan-decode,ir-parse,onnx-import,npy} with inputs to start from.

  tests/fuzz/seeds.py DIR [FILE.plan ...]

Arrays from models/, modules from tests/lit/, models from the package
libonnx-testdata where it is installed; sections of the plans that are named.
"""
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ONNX_NODE_TESTS = pathlib.Path("/usr/share/libonnx-testdata/data/node")
HEADER, DIGEST = 20, 32  # of a plan: the fuzzer adds its own
LARGEST = 64 << 10       # bytes; larger seeds only slow mutation down


def copy(files, out):
    out.mkdir(parents=True, exist_ok=True)
    for f in files:
        if f.stat().st_size <= LARGEST:
            shutil.copyfile(f, out / "-".join(f.parts[-3:]))


def main():
    out = pathlib.Path(sys.argv[1])
    copy((ROOT / "models").rglob("*.npy"), out / "npy")
    copy((ROOT / "tests/lit").rglob("*.mir"), out / "ir-parse")
    copy(ONNX_NODE_TESTS.glob("*/model.onnx"), out / "onnx-import")
    (out / "plan-decode").mkdir(exist_ok=True)
    for plan in map(pathlib.Path, sys.argv[2:]):
        (out / "plan-decode" / plan.name).write_bytes(
            plan.read_bytes()[HEADER:-DIGEST])


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) > 1 else __doc__)
