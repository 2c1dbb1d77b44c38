#!/usr/bin/python3
"""MPCFormer's trade: quad, 2quad and 2relu (--approx) beside the functions of
the model itself: accuracy without retraining, bytes, rounds, seconds. Also what
it would save to have no activations at all, softmax only. Writes
docs/replacements.md and a figure.

Needs the export beside the project (../shared/models/trained/bert_tiny_sst2).

  scripts/study/replacements.py [--tools build/tools]
"""
import json
import os

import numpy as np

import tools

FOLDER = os.path.join(tools.SHARED, "trained", "bert_tiny_sst2")
QUAD = '[[replace]]\ncontains = "Erf"\nwith = "quad"\n'
NONE = QUAD + "a = 0\nb = 1\nc = 0\n"
TWOQUAD = '[[replace]]\nop = "Softmax"\nwith = "2quad"\nc = 5\neps = 0.01\n'
TWORELU = '[[replace]]\nop = "Softmax"\nwith = "2relu"\neps = 0.01\n'
WAYS = [("as trained (default)", ""), ("quad", QUAD), ("2quad", TWOQUAD),
        ("quad + 2quad", QUAD + TWOQUAD), ("quad + 2relu", QUAD + TWORELU),
        ("no activations (softmax only)", NONE)]


def main():
    args = tools.parser(__doc__).parse_args()
    t = tools.Tools(args.tools)
    data = os.path.join(FOLDER, "dataset")
    folder = os.path.join(data, "inputs")
    inputs = {f[:-4]: np.load(os.path.join(folder, f))
              for f in sorted(os.listdir(folder)) if f.endswith(".npy")}
    calibrate = []
    for i in range(0, len(inputs["input_ids"]), 27):
        os.makedirs(t.at("cal", str(i)))
        for n, a in inputs.items():
            np.save(t.at("cal", str(i), n + ".npy"), a[i:i + 1])
        calibrate += ["--calibrate", t.at("cal", str(i))]
    rows, points = [], []
    for name, rules in WAYS:
        plan, flags = t.at("m.plan"), []
        if rules:
            with open(t.at("rules.toml"), "w") as file:
                file.write(rules)
            flags = ["--approx", t.at("rules.toml")]
        t.run("mpcc", "compile", os.path.join(FOLDER, "model.onnx"), "-o",
              plan, *calibrate, *flags)
        r = json.loads(t.run("mpcc", "eval", plan, "--dataset", data, "--json",
                             "-", "--labels", os.path.join(data, "labels.npy")))
        cost = t.cost(plan)
        online = sum(cost["online"]["bytes"][k] for k in ("p1_p2", "p2_p1"))
        offline = sum(cost["offline"]["bytes"].values())
        t.run("mpcrun", "local", plan, "--input-dir", t.at("cal", "0"),
              "--output-dir", t.at("out"), "--stats", t.at("stats.json"))
        with open(t.at("stats.json")) as file:
            wall = json.load(file)["wall_s"]
        accuracy = r["metric"]["private"]
        rows.append([name, f"{accuracy:.3f}", cost["online"]["rounds"],
                     f"{online / 1e6:.3f} MB", f"{offline / 1e6:.3f} MB",
                     f"{wall:.2f}"])
        points.append((name, (online + offline) / 1e6, accuracy))
        print(rows[-1], flush=True)

    def draw(axes):
        for name, traffic, accuracy in points:
            axes.plot(traffic, accuracy, "o")
            axes.annotate(name, (traffic, accuracy), fontsize=8,
                          xytext=(4, 4), textcoords="offset points")
        axes.set_xlabel("bytes in all, MB a sentence")
        axes.set_ylabel("accuracy without retraining")
        axes.set_xlim(0, 1.3 * max(p[1] for p in points))

    tools.figure(os.path.join(args.out, "figures", "replacements.svg"), draw)
    with open(os.path.join(args.out, "replacements.md"), "w") as file:
        file.write(
            "# Cheaper functions: what they save, what they cost\n\n"
            "`bert_tiny_sst2` over its 436 sentences, the attention mask "
            "secret: the model as it\nwas trained, and with MPCFormer's quad, "
            "2quad (c = 5) and 2relu in the place of GELU\nand softmax "
            "(`--approx`, `approximations.md`), **without retraining**; they "
            "are meant\nfor models distilled with them. Accuracy is emulated "
            f"to the bit; the float model's is\n{r['metric']['float']:.3f}. "
            "Seconds: one sentence, `mpcrun local`.\n\n" +
            tools.table(["", "accuracy", "rounds", "online", "offline",
                         "seconds"], rows) +
            "\n![accuracy against bytes](figures/replacements.svg)\n\n"
            "By: `scripts/study/replacements.py`\n")


if __name__ == "__main__":
    main()
