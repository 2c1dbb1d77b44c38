#!/usr/bin/python3
"""Runs every fuzz target's replay executable on its seeds.

  tests/fuzz/replay.py BUILD [--counts FILE.json]

Seeds are made anew (seeds.py), with some plans that BUILD's mpcc compiles.
Each target's seeds, and as many inputs with changed bytes as take some seconds.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_TESTS = "/usr/share/libonnx-testdata/data/node"
PLANS = {"test_matmul_2d": (), "test_softmax_axis_1": (), "test_gather_0": (),
         "test_mul": ("--public", "y")}
RUNS = {"plan-decode": 20000, "npy": 20000, "wire": 20000, "files": 5000,
        "ir-parse": 2000, "onnx-import": 1000}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--counts", help="FILE.json for the numbers")
    args = parser.parse_args()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory(prefix="mpcc-seeds-") as scratch:
        plans = []
        for name, flags in PLANS.items():
            model = os.path.join(NODE_TESTS, name, "model.onnx")
            plan = os.path.join(scratch, name + ".plan")
            if os.path.exists(model):
                subprocess.run(
                    [os.path.join(args.build, "tools", "mpcc"), "compile",
                     model, "-o", plan, *flags], check=True,
                    capture_output=True)
                plans.append(plan)
        seeds = os.path.join(scratch, "seeds")
        subprocess.run([sys.executable, os.path.join(HERE, "seeds.py"), seeds,
                        *plans], check=True)
        for target, runs in RUNS.items():
            done = subprocess.run(
                [os.path.join(args.build, "tests", "fuzz",
                              "replay-" + target), "--runs", str(runs),
                 os.path.join(seeds, target)], capture_output=True, text=True,
                errors="replace")
            good = done.returncode == 0
            counts["passed" if good else "failed"] += 1
            print(f"{'ok' if good else 'FAIL':4} fuzz.{target:12} "
                  f"{done.stdout.strip() if good else done.stderr[-2000:]}",
                  flush=True)
    if args.counts:
        with open(args.counts, "w") as file:
            json.dump(counts, file)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
