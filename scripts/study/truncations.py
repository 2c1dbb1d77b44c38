#!/usr/bin/python3
"""What truncations cost: their number, exchanges, bytes and accuracy as the
representation size (fraction bits) and the field size (widest ring) vary, placed
by the compiler against truncate-after-every-product. TruncFormer's trade, with
truncations that never fail. Writes docs/truncations.md and a figure a model.

  scripts/study/truncations.py [--tools build/tools]
"""
import os
import re

import numpy as np

import tools

FRACTIONS = (8, 11, 14, 18)
RINGS = (64, 44)


def models():
    trained = os.path.join(tools.SHARED, "trained")
    found = [os.path.join(tools.ROOT, "models", "adder")]
    found += [os.path.join(trained, n)
              for n in ("bert_tiny_sst2", "stories260K")]
    return [m for m in found if os.path.isdir(m)]


def measure(t, folder, fraction, ring, eager):
    """None if the rings are too small, as the compiler says."""
    inputs = os.path.join(folder, "inputs")
    try:
        tools.run(os.path.join(t.folder, "mpcc"), "compile",
                  os.path.join(folder, "model.onnx"), "-o", t.at("m.plan"),
                  "--calibrate", inputs, "--frac-bits", fraction,
                  "--ring-bits", ring, *tools.binds(inputs),
                  *(["--truncate-every-product"] if eager else []))
    except RuntimeError:
        return None
    t.run("mpcc", "emulate", t.at("m.plan"), "--input-dir", inputs,
          "--output-dir", t.at("out"), "--allow-out-of-range")
    text = t.run("mpcc", "dis", t.at("m.plan"))
    bits = [int(b) for b in re.findall(r" = trunc %\d+, bits=(\d+)", text)]
    cost = t.cost(t.at("m.plan"))["online"]
    got, want = (np.load(os.path.join(d, "logits.npy"))
                 for d in (t.at("out"), os.path.join(folder, "outputs")))
    error = abs(got.astype(np.float64) - want)
    return {"truncations": sum(b > 0 for b in bits), "exchanges":
            len(bits) + text.count(" = extend "), "rounds": cost["rounds"],
            "bytes": cost["bytes"]["p1_p2"] + cost["bytes"]["p2_p1"],
            "mean": error.mean(), "max": error.max()}


def study(t, folder, out):
    name = os.path.basename(folder)
    rows, curves = [], {}
    for ring in RINGS:
        for fraction in FRACTIONS:
            for eager in (False, True):
                if eager and ring != 64:
                    continue
                m = measure(t, folder, fraction, ring, eager)
                how = "every product" if eager else "placed"
                if not m:
                    rows.append([ring, fraction, how, "does not fit", "", "",
                                 "", "", ""])
                    continue
                rows.append([ring, fraction, how, m["truncations"],
                             m["exchanges"], m["rounds"],
                             f"{m['bytes'] / 1e6:.2f} MB",
                             f"{m['mean']:.1e}", f"{m['max']:.1e}"])
                if ring == 64:
                    curves.setdefault(how, []).append((m["bytes"] / 1e6,
                                                       m["mean"]))

    def draw(axes):
        for how, points in curves.items():
            axes.plot(*zip(*points), "o-", label=how)
        axes.set_yscale("log")
        axes.set_xlabel("online MB, 8 to 18 fraction bits")
        axes.set_ylabel("mean absolute error of the logits")
        axes.set_title(name)
        axes.legend()

    tools.figure(os.path.join(out, "figures", f"truncations-{name}.svg"), draw)
    return (f"## {name}\n" + tools.table(
        ["ring bits at most", "fraction bits", "truncations", "their number",
         "truncations, maskings and extensions", "rounds", "online",
         "mean error", "max error"], rows)
        + f"\n![{name}](figures/truncations-{name}.svg)\n")


def main():
    a = tools.parser(__doc__).parse_args()
    t = tools.Tools(a.tools)
    text = """# Truncations: number, bits, accuracy

Made by `scripts/study/truncations.py`. Representation size: `--frac-bits`, for all
values alike. Field size: `--ring-bits`, the widest ring allowed; rings are only as
wide as a value needs, so a smaller field either fits or does not. Placed: where the
compiler puts them; every product: `--truncate-every-product`. Logits against the
goldens beside the model, sample `inputs`.

"""
    text += "\n".join(study(t, m, a.out) for m in models())
    with open(os.path.join(a.out, "truncations.md"), "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
