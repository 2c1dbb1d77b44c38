#!/usr/bin/python3
"""Fills DIR/{plan-decode,ir-parse,onnx-import,npy,wire,files} with inputs to
start from.

  tests/fuzz/seeds.py DIR [FILE.plan ...]

Arrays from models/, modules from tests/lit/, models from the package
libonnx-testdata where it is installed; sections of the plans that are named;
what once crashed, from found/.
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
    for folder in ("wire", "files"):
        (out / folder).mkdir(exist_ok=True)
    frame = b"mpc\x01" + bytes(4) + (8).to_bytes(8, "little") + bytes(16)
    hello = b"mpcc\x02\x00\x03\x04" + bytes(48)
    wrapped = b"mpc\x01" + bytes(4) + len(hello).to_bytes(8, "little") + bytes(8)
    for name, seed in {
            "frame": b"\x00" + frame, "hello": b"\x01" + wrapped + hello,
            "command": b"\x02\x02" + bytes(68), "reply": b"\x03\x01" + bytes(5),
            "info": b"\x04" + bytes(92),
            "http": b"\x05GET /metrics HTTP/1.1\r\n\r\n"}.items():
        (out / "wire" / name).write_bytes(seed)
    party = "[[party]]\nid = %d\naddress = \"127.0.0.1:7100\"\n"
    toml = "".join(party % i for i in range(3)) + (
        "[[client]]\nname = \"c\"\nfingerprint = \"sha256:" + 64 * "a" +
        "\"\n[tls]\nca = \"x\"\n[limits]\nstock = 1\n")
    (out / "files" / "toml").write_bytes(b"\x04" + toml.encode())
    # As the plan in Files.cpp has them: of P0, P1, P2 without what is repaired.
    for whose, size in enumerate((72, 136, 136)):
        (out / "files" / f"share{whose}").write_bytes(
            b"\x01" + bytes([whose]) + bytes(size - 1))
    fields = (1).to_bytes(4, "little") * 2 + (1 << 20).to_bytes(8, "little")
    (out / "files" / "material").write_bytes(
        b"\x03" + fields + (100).to_bytes(8, "little") + bytes(116))
    (out / "files" / "material-raw").write_bytes(
        b"\x02mpccmat\x00" + bytes(5000))
    (out / "plan-decode").mkdir(exist_ok=True)
    for found in (ROOT / "tests/fuzz/found").glob("*/*"):
        shutil.copyfile(found, out / found.parent.name / found.name)
    for plan in map(pathlib.Path, sys.argv[2:]):
        (out / "plan-decode" / plan.name).write_bytes(
            plan.read_bytes()[HEADER:-DIGEST])


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) > 1 else __doc__)
