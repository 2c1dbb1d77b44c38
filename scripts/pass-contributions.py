#!/usr/bin/python3
"""What each pass is worth: models compiled with it and without.

  pass-contributions.py [--tools DIR] [--write] [--model NAME=DIR]...

For every pass that `mpcc --list-passes` calls optional: rounds, bytes,
multiplications and predicted seconds without it, beside those with all passes.
Models: bert_base, gpt2_small (weights refilled) and stories260K where the
exports lie beside the checkout (../shared/models), else models/adder.
--write puts the table into docs/passes.md.
"""
import argparse
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "study"))
from tools import ROOT, SHARED, binds, rewrite, run

PAGE = os.path.join(ROOT, "docs", "passes.md")


def standard_models(scratch):
    """[(name, folder with model.onnx and inputs/)]"""
    found = []
    for name in ("bert_base", "gpt2_small"):
        skeleton = os.path.join(SHARED, "skeletons", name)
        refill = os.path.join(SHARED, "skeletons", "refill.py")
        if os.path.exists(refill) and os.path.isdir(skeleton):
            folder = os.path.join(scratch, name)
            run("/usr/bin/python3", refill, skeleton, "--out", folder)
            if not os.path.isdir(os.path.join(folder, "inputs")):
                os.symlink(os.path.join(skeleton, "inputs"),
                           os.path.join(folder, "inputs"))
            found.append((name, folder))
    stories = os.path.join(SHARED, "trained", "stories260K")
    if os.path.isdir(stories):
        found.append(("stories260K", stories))
    return found or [("adder", os.path.join(ROOT, "models", "adder"))]


def cost(tools, folder, scratch, disabled=()):
    inputs = os.path.join(folder, "inputs")
    plan = os.path.join(scratch, "x.plan")
    command = [os.path.join(tools, "mpcc"), "compile",
               os.path.join(folder, "model.onnx"), "-o", plan, "--calibrate",
               inputs, *binds(inputs)]
    for flag in disabled:
        command += ["--disable-pass", flag]
    run(*command)
    c = json.loads(run(os.path.join(tools, "mpcc"), "cost", plan, "--json"))
    wan = json.loads(run(os.path.join(tools, "mpcc"), "cost", plan, "--json",
                         "--network", "wan"))
    online, offline = c["online"], c["offline"]
    return [online["rounds"],
            (online["bytes"]["p1_p2"] + online["bytes"]["p2_p1"]) / 1e6,
            sum(offline["bytes"].values()) / 1e6,
            (online["gemm_macs"] + offline["gemm_macs"]) / 1e9,
            c["wall_s"], wan["wall_s"]]


COLUMNS = ("rounds", "online MB", "offline MB", "GMACs", "loopback s", "wan s")


def shown(values, base=None):
    cells = []
    for i, v in enumerate(values):
        text = f"{v:.0f}" if i == 0 else f"{v:.4g}"
        if base and base[i] and f"{v:.4g}" != f"{base[i]:.4g}":
            text += f" ({(v / base[i] - 1) * 100:+.1f} %)"
        cells.append(text)
    return cells


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", default=os.path.join(ROOT, "build",
                                                        "tools"))
    parser.add_argument("--model", action="append", metavar="NAME=DIR",
                        help="instead of those: model.onnx and inputs/")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if not os.path.exists(os.path.join(args.tools, "mpcc")):
        sys.exit(f"pass-contributions.py: error: no mpcc in {args.tools}")
    listed = [line.split() for line in
              run(os.path.join(args.tools, "mpcc"),
                  "--list-passes").splitlines()]
    passes = [row[0] for row in listed if row[2] != "required"]

    text = ""
    with tempfile.TemporaryDirectory() as scratch:
        models = ([tuple(m.split("=", 1)) for m in args.model] if args.model
                  else standard_models(scratch))
        for name, folder in models:
            base = cost(args.tools, folder, scratch)
            rows = [["all passes"] + shown(base)]
            for flag in passes:
                try:
                    without = cost(args.tools, folder, scratch, [flag])
                    rows.append([f"without {flag}"] + shown(without, base))
                except RuntimeError as e:
                    why = str(e).strip().splitlines()[-1]
                    rows.append([f"without {flag}", "does not compile: "
                                 + why.split("error: ")[-1][:90]]
                                + [""] * (len(COLUMNS) - 1))
            text += f"\n### {name}\n"
            text += "| | " + " | ".join(COLUMNS) + " |\n"
            text += "|---" * (len(COLUMNS) + 1) + "|\n"
            text += "".join("| " + " | ".join(r) + " |\n" for r in rows)
            print(text if name == models[0][0] else
                  text[text.rindex("\n###"):], flush=True)
    if args.write:
        rewrite(PAGE, "pass-contributions.py", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
