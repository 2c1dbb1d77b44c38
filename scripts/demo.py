#!/usr/bin/python3
"""The demo once everything is built (demo.sh calls it).

  demo.py BUILD_DIR [SUM]...

Compiles models/adder, runs each sum among three local processes, evaluates
the same sum in the clear, and prints both with error, traffic and time.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ADDER = os.path.join(ROOT, "models", "adder")
sys.path[:0] = [ADDER, os.path.dirname(ADDER)]
sys.dont_write_bytecode = True
import calculator  # noqa: E402
from evaluate import evaluate  # noqa: E402

SUMS = ["347+589", "999+1", "7+58", "64+36", "808+191"]
ROW = "  {:>11} {:>8} {:>10} {:>10} {:>7} {:>10} {:>10} {:>9} {:>9} {:>9}"


def shown(path):
    """A path as a person in the checkout would type it."""
    short = os.path.relpath(path)
    return path if short.startswith("..") else short


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr or done.stdout}"
                 f"demo: error: {os.path.basename(command[0])} {command[1]} "
                 f"ended with status {done.returncode}")
    return done


def compile_adder(mpcc, plan):
    inputs = os.path.join(ADDER, "inputs")
    command = ["compile", os.path.join(ADDER, "model.onnx"), "-o", plan]
    for name in ("attention_mask", "position_ids"):
        command += ["--bind", f"{name}={inputs}/{name}.npy"]
    for sample in sorted(glob.glob(os.path.join(ADDER, "calibration", "*"))):
        command += ["--calibrate", sample]
    print(f"$ mpcc compile {shown(command[1])} -o {shown(plan)} \\\n"
          "    --bind attention_mask=... --bind position_ids=... "
          "--calibrate ...")
    done = run(mpcc, *command)
    print("\n".join("  " + line for line in done.stdout.splitlines()))


def private(mpcrun, plan, feed, scratch):
    """(logits, statistics) of three processes; only they compute."""
    calculator.save(os.path.join(scratch, "in"), feed)
    stats = os.path.join(scratch, "stats.json")
    run(mpcrun, "local", plan, "--input-dir", os.path.join(scratch, "in"),
        "--output-dir", os.path.join(scratch, "out"), "--stats", stats)
    with open(stats) as file:
        return (np.load(os.path.join(scratch, "out", "logits.npy")),
                json.load(file))


def answer_of(feed, logits):
    return calculator.decode(feed["input_ids"], logits)[0].split("= ")[1]


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    tools = os.path.join(os.path.abspath(sys.argv[1]), "tools")
    try:
        sums = [calculator.parse(text) for text in sys.argv[2:] or SUMS]
    except ValueError as problem:
        print(f"demo: error: {problem}", file=sys.stderr)
        return 2

    print("A private calculator: a small LLaMA, trained to add, whose weights "
          "belong to\nits owner and whose questions belong to a client. "
          "Three processes compute the\nanswer; none of them sees either.\n")
    folder = os.path.join(os.path.abspath(sys.argv[1]), "demo")
    os.makedirs(folder, exist_ok=True)
    plan = os.path.join(folder, "adder.plan")
    compile_adder(os.path.join(tools, "mpcc"), plan)
    print(f"\n$ mpcrun local {shown(plan)} --input-dir in --output-dir out"
          "     (for each question)\n")

    print(ROW.format("", "private", "plaintext", "max logit", "", "online",
                     "offline", "offline", "online", "total"))
    print(ROW.format("question", "answer", "answer", "error", "rounds", "MB",
                     "MB", "seconds", "seconds", "seconds"))
    wrong = 0
    for a, b in sums:
        feed = calculator.inputs_of([calculator.one_pass_ids(a, b)])
        with tempfile.TemporaryDirectory() as scratch:
            logits, stats = private(os.path.join(tools, "mpcrun"), plan, feed,
                                    scratch)
        plain = evaluate(os.path.join(ADDER, "model.onnx"), feed)["logits"]
        ours, theirs = answer_of(feed, logits), answer_of(feed, plain)
        wrong += ours != theirs
        online, offline = stats["online"], stats["offline"]
        print(ROW.format(
            f"{a} + {b}", ours, theirs, f"{abs(logits - plain).max():.5f}",
            online["rounds"], f"{sum(online['bytes'].values()) / 1e6:.3f}",
            f"{sum(offline['bytes'].values()) / 1e6:.3f}",
            f"{offline['seconds']:.3f}", f"{online['seconds']:.3f}",
            f"{stats['wall_s']:.3f}"), flush=True)

    print("""
  plaintext  the same model in float64, in the clear
  error      the largest over all logits of the question; the private answer
             is computed in fixed point
  offline    needs no question: the dealer P0 sends correlated randomness to P1
             and P2; here while they already answer (total), or stored before
  online     the question: masked values between P1 and P2, and the client""")
    if wrong:
        print(f"\n{wrong} of {len(sums)} private answers differ from the "
              "plaintext ones", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
