#!/usr/bin/python3
"""As accurate as plaintext? Real models over data sets, emulated to the bit as
three parties compute, beside the float model. Writes docs/accuracy.md.

Needs the exports beside the project (../shared/models); bert_base refilled by
its refill.py, its folder given with --bert-base.

  scripts/study/accuracy.py [--tools build/tools] [--bert-base DIR]
"""
import json
import os
import sys

import numpy as np

import tools

TRAINED = os.path.join(tools.SHARED, "trained")


def load(folder):
    return {f[:-4]: np.load(os.path.join(folder, f))
            for f in sorted(os.listdir(folder)) if f.endswith(".npy")}


def save(folder, arrays):
    os.makedirs(folder, exist_ok=True)
    for name, a in arrays.items():
        np.save(os.path.join(folder, name + ".npy"), a)


def evaluate(t, plan, data, *flags):
    return json.loads(t.run("mpcc", "eval", plan, "--dataset", data, "--json",
                            "-", *flags))


def traffic(t, plan):
    c = t.cost(plan)
    b = c["online"]["bytes"]
    return [c["online"]["rounds"],
            f"{(b['p1_p2'] + b['p2_p1']) / 1e6:.2f} MB",
            f"{sum(c['offline']['bytes'].values()) / 1e6:.2f} MB"]


def sst2(t, parties):
    """Sentences of different lengths: the mask is secret, or public."""
    model = os.path.join(TRAINED, "bert_tiny_sst2", "model.onnx")
    data = os.path.join(TRAINED, "bert_tiny_sst2", "dataset")
    inputs = load(os.path.join(data, "inputs"))
    calibrate = []
    for i in range(0, len(inputs["input_ids"]), 27):
        save(t.at("cal", str(i)), {k: v[i:i + 1] for k, v in inputs.items()})
        calibrate += ["--calibrate", t.at("cal", str(i))]
    rows = []
    for how, flags in (("secret", []), ("public", ["--public", "attention_mask"])):
        plan = t.at(f"sst2-{how}.plan")
        t.run("mpcc", "compile", model, "-o", plan, *calibrate, *flags)
        r = evaluate(t, plan, data, "--labels", os.path.join(data, "labels.npy"),
                     "--mpc", parties)
        n = r["samples"]
        rows.append([f"mask {how}", n, f"{r['metric']['private']:.4f}",
                     f"{r['metric']['float']:.4f}",
                     n - r["argmax"]["agreeing"], f"{r['error']['max']:.1e}",
                     f"{r['error']['mean']:.1e}",
                     r["range_violations"]["values"], *traffic(t, plan),
                     f"{r['samples_per_second']:.0f}",
                     f"{r['mpc']['samples']} equal"])
    return tools.table(
        ["bert_tiny_sst2", "sentences", "accuracy", "float", "predictions that "
         "differ", "max error", "mean error", "out of range", "rounds",
         "online", "offline", "sentences/s", "through three parties"], rows)


def stories(t, parties):
    """Perplexity and next token over greedy.json and the samples."""
    folder = os.path.join(TRAINED, "stories260K")
    with open(os.path.join(folder, "greedy.json")) as f:
        sets = [("greedy.json", [s["greedy_ids"] for s in json.load(f)])]
    for case in ("", "case1", "case2"):
        inputs = load(os.path.join(folder, case, "inputs"))
        ids = [row[mask != 0].tolist() for row, mask in zip(
            inputs["input_ids"], inputs["attention_mask"])]
        sets.append((f"sample {case}".strip(), ids))
    rows, total = [], {"rows": 0, "same": 0, "clear": 0, "clear_same": 0,
                       "nll": 0.0, "float": 0.0, "tokens": 0}
    lengths = {}
    for name, sequences in sets:
        for s in sequences:
            lengths.setdefault(len(s), []).append((name, s))
    for length, found in sorted(lengths.items()):
        ids = np.array([s for _, s in found], np.int64)
        n = len(ids)
        arrays = {"input_ids": ids,
                  "attention_mask": np.ones((1, length), np.int64),
                  "position_ids": np.arange(length)[None]}
        data = t.at(f"stories-{length}")
        save(os.path.join(data, "inputs"), arrays)
        # Calibrated on other text: the same tokens, in another order.
        other = np.random.default_rng(length).permutation(ids.ravel())
        save(t.at(f"cal-{length}"),
             {**arrays, "input_ids": other.reshape(ids.shape)[:1]})
        plan = t.at(f"stories-{length}.plan")
        t.run("mpcc", "compile", os.path.join(folder, "model.onnx"), "-o", plan,
              "--calibrate", t.at(f"cal-{length}"), *tools.binds(f"{data}/inputs"))
        flags = ["--model", os.path.join(folder, "model.onnx"), "--metric",
                 "perplexity", "--next-token", "input_ids"]
        r = evaluate(t, plan, data, *flags, *(["--mpc", 1] if parties else []))
        m, a = r["metric"], r["argmax"]
        tokens = n * (length - 1)
        total["nll"] += tokens * np.log(m["private"])
        total["float"] += tokens * np.log(m["float"])
        for key, value in (("rows", a["rows"]), ("same", a["agreeing"]),
                           ("clear", a["clear"]), ("tokens", tokens),
                           ("clear_same", a["clear_agreeing"])):
            total[key] += value
        rows.append([", ".join(sorted({name for name, _ in found})),
                     f"{n} x {length}", f"{m['private']:.4f}",
                     f"{m['float']:.4f}",
                     f"{100 * (m['private'] / m['float'] - 1):+.4f} %",
                     f"{a['agreeing']} of {a['rows']}",
                     f"{a['clear_agreeing']} of {a['clear']}",
                     f"{r['error']['max']:.1e}", f"{r['error']['mean']:.1e}",
                     r["range_violations"]["values"]])
    p, f = (np.exp(total[k] / total["tokens"]) for k in ("nll", "float"))
    rows.append(["**all**", total["tokens"], f"{p:.4f}", f"{f:.4f}",
                 f"{100 * (p / f - 1):+.4f} %",
                 f"{total['same']} of {total['rows']}",
                 f"{total['clear_same']} of {total['clear']}", "", "", ""])
    return tools.table(
        ["stories260K", "tokens", "perplexity", "float", "difference",
         "same next token", "where the gap exceeds 0.1", "max error",
         "mean error", "out of range"], rows)


def bert_base(t, folder):
    plan = t.at("bert.plan")
    inputs = os.path.join(folder, "inputs")
    t.run("mpcc", "compile", os.path.join(folder, "model.onnx"), "-o", plan,
          "--calibrate", inputs, *tools.binds(inputs))
    rows = []
    for name in (f[:-4] for f in sorted(os.listdir(
            os.path.join(folder, "outputs")))):
        e = evaluate(t, plan, folder, "--output", name)["error"]
        rows.append([name, f"{e['mean'] / e['deviation']:.1e}",
                     f"{e['max'] / e['deviation']:.1e}"])
    return tools.table(["bert_base 1x128, output",
                        "mean error / standard deviation",
                        "max error / standard deviation"], rows)


def main():
    p = tools.parser(__doc__)
    p.add_argument("--bert-base", help="refilled skeleton")
    p.add_argument("--parties", type=int, default=3,
                   help="samples that run through three parties too")
    a = p.parse_args()
    if not os.path.isdir(TRAINED):
        sys.exit(f"{TRAINED}: no exports beside the project; nothing measured")
    t = tools.Tools(a.tools)
    parts = [sst2(t, a.parties), stories(t, a.parties)]
    if a.bert_base:
        parts.append(bert_base(t, a.bert_base))
    text = """# Accuracy, measured

Made by `scripts/study/accuracy.py --bert-base DIR`: `mpcc compile` with default
options, `mpcc eval` over the data. The emulation is what three parties compute,
coins of the roundings included; `--mpc` runs some samples through three parties
and requires the same bits. Float: the exporter's outputs (sentences), or the
float evaluator (stories). Calibration samples are 17 of the sentences, and for
stories the same tokens in another order.

""" + "\n".join(parts)
    print(text)
    with open(os.path.join(a.out, "accuracy.md"), "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
