"""Fails, naming what is missing, unless every pass listed has its tests.

usage: every_pass.py LIST FOLDER, LIST being the output of mpcc --list-passes
"""
import pathlib
import sys

passes = [line.split()[0] for line in open(sys.argv[1])]
folder = pathlib.Path(sys.argv[2])
missing = []
for name in passes:
    have = {f.name for f in (folder / name).glob("*.mir")}
    for test in ("basic.mir", "refusal.mir"):
        if test not in have:
            missing.append(f"{name}/{test}")
    if not have & {"idempotent.mir", "bad-level.mir"}:
        missing.append(f"{name}/idempotent.mir")
for other in folder.iterdir():
    if other.is_dir() and other.name not in passes + ["Inputs"]:
        missing.append(f"a pass called '{other.name}'")
if missing or not passes:
    sys.exit("missing: " + ", ".join(missing or ["passes"]))
