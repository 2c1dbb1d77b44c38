#!/usr/bin/python3
"""Accuracy against cost: --frac-bits times --approx-tolerance, trained models.

  sweep.py [--tools DIR] [--write] [--frac-bits 10,12,14] [--tolerance 4e-4,...]
           [--model NAME=DIR]...

Compiles each model with every pair, emulates its samples (bit for bit what the
parties compute) and compares the logits with the goldens beside the model:
mean and largest absolute error, bytes, rounds, predicted seconds. Models:
stories260K and bert_tiny_sst2 where they lie beside the checkout
(../shared/models/trained), and models/adder. --write puts tables and plot
(needs python3-matplotlib: scripts/install-deps.sh --dev) into docs/.
"""
import argparse
import glob
import json
import os
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "study"))
from tools import BOUND, ROOT, SHARED, binds, rewrite, run

TRAINED = os.path.join(SHARED, "trained")
PAGE = os.path.join(ROOT, "docs", "sweep.md")
PLOT = os.path.join(ROOT, "docs", "sweep.svg")


def samples_of(folder):
    """Folders with inputs/ and outputs/ whose shapes are the first one's, so
    that one plan serves all; the first is not calibrated on."""
    cases = [folder] + sorted(glob.glob(os.path.join(folder, "case*")))

    def shapes(case):
        return {os.path.basename(f): np.load(f).shape
                for f in glob.glob(os.path.join(case, "inputs", "*.npy"))}
    first = shapes(folder)
    bound = [f"{name}.npy" for name in BOUND if f"{name}.npy" in first]

    def same(case):
        return shapes(case) == first and all(
            np.array_equal(np.load(os.path.join(case, "inputs", b)),
                           np.load(os.path.join(folder, "inputs", b)))
            for b in bound)
    return [c for c in cases if same(c)]


def calibration_of(folder, scratch):
    found = sorted(glob.glob(os.path.join(folder, "calibration", "*")))
    if found:
        return found
    # The sample with its values in another order.
    rng = np.random.default_rng(3)
    out = os.path.join(scratch, "calibration")
    os.makedirs(out, exist_ok=True)
    for f in sorted(glob.glob(os.path.join(folder, "inputs", "*.npy"))):
        x = np.load(f)
        if os.path.basename(f)[:-4] not in BOUND:
            x = rng.permutation(x.ravel()).reshape(x.shape)
        np.save(os.path.join(out, os.path.basename(f)), x)
    return [out]


def measure(tools, folder, options, scratch):
    plan, out = os.path.join(scratch, "x.plan"), os.path.join(scratch, "out")
    command = [os.path.join(tools, "mpcc"), "compile",
               os.path.join(folder, "model.onnx"), "-o", plan]
    for c in calibration_of(folder, scratch):
        command += ["--calibrate", c]
    run(*command, *binds(os.path.join(folder, "inputs")), *options)
    errors = []
    for sample in samples_of(folder):
        run(os.path.join(tools, "mpcc"), "emulate", plan, "--input-dir",
            os.path.join(sample, "inputs"), "--output-dir", out,
            "--allow-out-of-range")  # stories260K leaves its sample's ranges
        for f in glob.glob(os.path.join(sample, "outputs", "*logits*.npy")):
            got = np.load(os.path.join(out, os.path.basename(f)))
            errors.append(np.abs(got.astype(np.float64) - np.load(f)).ravel())
    cost = json.loads(run(os.path.join(tools, "mpcc"), "cost", plan,
                          "--json"))
    online, offline = cost["online"], cost["offline"]
    error = np.concatenate(errors)
    return {"mean": float(error.mean()), "max": float(error.max()),
            "online": sum(online["bytes"][k]
                          for k in ("p1_p2", "p2_p1")) / 1e6,
            "offline": sum(offline["bytes"].values()) / 1e6,
            "rounds": online["rounds"], "seconds": cost["wall_s"]}


def plot(results):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sweep"
    import matplotlib.pyplot as plt
    fig, axes = plt.subplots(1, len(results), figsize=(4.5 * len(results), 3.6),
                             squeeze=False)
    for axis, (name, rows) in zip(axes[0], results.items()):
        for tolerance in sorted({t for _, t in rows}, reverse=True):
            points = sorted((b, r) for (b, t), r in rows.items()
                            if t == tolerance and r)
            axis.plot([r["online"] + r["offline"] for _, r in points],
                      [r["mean"] for _, r in points], marker="o",
                      label=f"tolerance {tolerance:g}")
            for bits, r in points:
                axis.annotate(bits, (r["online"] + r["offline"], r["mean"]),
                              fontsize=7, xytext=(3, 3),
                              textcoords="offset points")
        axis.set(title=name, xlabel="MB in all", yscale="log",
                 ylabel="mean absolute error of the logits")
        axis.axhline(2e-3, color="grey", linewidth=0.8, linestyle="--")
        axis.legend(fontsize=7)
    fig.tight_layout()
    fig.savefig(PLOT, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", default=os.path.join(ROOT, "build",
                                                        "tools"))
    parser.add_argument("--frac-bits", default="10,12,13,14,15,16,18")
    parser.add_argument("--tolerance", default="1e-3,2.5e-4,6.1e-5,1.5e-5")
    parser.add_argument("--model", action="append", metavar="NAME=DIR")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if not os.path.exists(os.path.join(args.tools, "mpcc")):
        sys.exit(f"sweep.py: error: no mpcc in {args.tools}")
    models = [tuple(m.split("=", 1)) for m in args.model or []]
    if not models:
        models = [(n, os.path.join(TRAINED, n))
                  for n in ("stories260K", "bert_tiny_sst2")
                  if os.path.isdir(os.path.join(TRAINED, n))]
        models.append(("adder", os.path.join(ROOT, "models", "adder")))

    results, text = {}, ""
    for name, folder in models:
        rows = results[name] = {}
        table = (f"\n### {name}\n| frac-bits | tolerance | mean error | largest"
                 " | online MB | offline MB | rounds | loopback s |\n"
                 + "|---" * 8 + "|\n")
        pairs = [(None, None)] + [
            (b, t) for b in map(int, args.frac_bits.split(","))
            for t in map(float, args.tolerance.split(","))]
        for bits, tolerance in pairs:
            options = [] if bits is None else [
                "--frac-bits", bits, "--approx-tolerance", tolerance]
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    r = measure(args.tools, folder, options, scratch)
                except RuntimeError as e:
                    r, why = None, str(e).strip().splitlines()[-1]
            what = ("| defaults | |" if bits is None
                    else f"| {bits} | {tolerance:g} |")
            table += what + (
                f" {r['mean']:.2g} | {r['max']:.2g} | {r['online']:.3g} | "
                f"{r['offline']:.3g} | {r['rounds']} | {r['seconds']:.3g} |\n"
                if r else f" {why.split('error: ')[-1][:80]} | | | | | |\n")
            if bits is not None:
                rows[bits, tolerance] = r
        print(table, flush=True)
        text += table
    if args.write:
        plot(results)
        rewrite(PAGE, "sweep.py", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
