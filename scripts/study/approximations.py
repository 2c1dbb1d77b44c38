#!/usr/bin/python3
"""How close functions come to float, and for what: ours at several tolerances
beside the formulas that others publish. Writes docs/approximations-study.md and
its figures.

Ours are measured: a model of the one function is compiled, emulated on a dense
grid of its domain and run among three processes. The others' formulas are
evaluated in double precision, without the rounding of their fixed point: the
least error they can have.

  scripts/study/approximations.py [--tools build/tools] [--functions gelu exp]
"""
import json
import math
import os

import numpy as np

import tools
from onnx_writer import chain

N = 1 << 15  # points of a grid
TOLERANCES = (1e-2, 1e-3, 1e-4)

erf = np.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return x / 2 * (1 + erf(x / math.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# --- formulas of others, from their papers and documentation -------------------
# PUMA (Dong et al. 2023), section 4; MPCFormer (Li et al., ICLR 2023), section 3;
# CrypTen (Knott et al. 2021), appendix on approximations, default iterations;
# MP-SPDZ (Keller 2020), its library of formulas.

def puma_gelu(x):
    low = np.polyval([-0.011034134030615728, -0.11807612951181953,
                      -0.42226581151983866, -0.5054031199708174], x)
    mid = np.polyval([0.0018067462606141187, 0, -0.037688200365904236, 0,
                      0.3603292692789629, 0.5, 0.008526321541038084], x)
    return np.where(x < -4, 0, np.where(x < -1.95, low,
                                        np.where(x <= 3, mid, x)))


def puma_exp(x):
    return np.where(x < -14, 0, (1 + x / 32) ** 32)


def puma_softmax(x):
    e = puma_exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def mpcformer_gelu(x):
    return 0.125 * x * x + 0.25 * x + 0.5


def mpcformer_softmax(x):
    q = (x + 5) ** 2
    return q / q.sum(-1, keepdims=True)


def crypten_exp(x, iterations=8):
    n = 2.0 ** iterations
    return (1 + x / n) ** n


def crypten_reciprocal(x):
    y = 3 * crypten_exp(1 - 2 * x) + 0.003
    for _ in range(10):
        y = y * (2 - x * y)
    return y


def crypten_rsqrt(x):
    y = 2.2 * crypten_exp(-(x / 2 + 0.2)) + 0.2 - x / 1024
    for _ in range(3):
        y = y * (3 - x * y * y) / 2
    return y


def crypten_sigmoid(x):
    positive = crypten_reciprocal(1 + crypten_exp(-abs(x)))
    return np.where(x < 0, 1 - positive, positive)


def crypten_tanh(x):
    return 2 * crypten_sigmoid(2 * x) - 1


def crypten_erf(x):
    term = total = x
    for n in range(1, 9):
        term = -term * x * x / n
        total = total + term / (2 * n + 1)
    return 2 / math.sqrt(math.pi) * total


def crypten_log(x):
    y = x / 120 - 20 * crypten_exp(-2 * x - 1) + 3
    for _ in range(2):
        h = 1 - x * crypten_exp(-y)
        y = y - sum(h ** k / k for k in range(1, 9))
    return y


def mpspdz_sigmoid(x):
    """Its five pieces (Compiler/ml.py, approx_sigmoid)."""
    return np.select([x < -5, x < -2.5, x < 2.5, x < 5],
                     [1e-4, 0.02776 * x + 0.145, 0.17 * x + 0.5,
                      0.02776 * x + 0.85498], 1 - 1e-4)


def mpspdz_log(x):
    """log2 as a quotient of cubics on [1/2, 1] (Hart's 2524) and exponents."""
    mantissa, exponent = np.frexp(x)
    p = np.polyval([4.81147460989, 6.10585199015, -8.8626599391,
                    -2.05466671951], mantissa)
    q = np.polyval([1, 6.42784209029, 4.54517087629, 0.353553425277], mantissa)
    return (p / q + exponent) * math.log(2)


def crypten_softmax(x):
    e = crypten_exp(x - x.max(-1, keepdims=True))
    return e * crypten_reciprocal(e.sum(-1, keepdims=True))


def log_grid(lo, hi):
    return np.exp(np.linspace(math.log(lo), math.log(hi), N))


def rows(width=128):
    return np.random.default_rng(1).normal(0, 2.5, (N // width, width))


# name: ONNX nodes, grid, float, formulas of others
FUNCTIONS = {
    "GELU": ([("Gelu", "com.microsoft")], np.linspace(-8, 8, N), gelu,
             {"PUMA": puma_gelu, "MPCFormer quad": mpcformer_gelu,
              "CrypTen (erf)": lambda x: x / 2 * (
                  1 + crypten_erf(x / math.sqrt(2)))}),
    "SiLU": ([("QuickGelu", "com.microsoft", {"alpha": 1.0})],
             np.linspace(-8, 8, N), lambda x: x * sigmoid(x),
             {"CrypTen (sigmoid)": lambda x: x * crypten_sigmoid(x)}),
    "exp": ([("Exp", "")], np.linspace(-12, 0, N), np.exp,
            {"PUMA": puma_exp, "CrypTen": crypten_exp}),
    "softmax": ([("Softmax", "", {"axis": -1})], rows(), softmax,
                {"PUMA": puma_softmax, "MPCFormer 2quad": mpcformer_softmax,
                 "CrypTen": crypten_softmax}),
    "tanh": ([("Tanh", "")], np.linspace(-6, 6, N), np.tanh,
             {"CrypTen": crypten_tanh}),
    "erf": ([("Erf", "")], np.linspace(-4, 4, N), erf,
            {"CrypTen": crypten_erf}),
    "sigmoid": ([("Sigmoid", "")], np.linspace(-10, 10, N), sigmoid,
                {"CrypTen": crypten_sigmoid, "MP-SPDZ, five pieces": mpspdz_sigmoid}),
    "rsqrt": ([("Sqrt", ""), ("Reciprocal", "")], log_grid(2**-4, 2**6),
              lambda x: 1 / np.sqrt(x), {"CrypTen": crypten_rsqrt}),
    "reciprocal": ([("Reciprocal", "")], log_grid(2**-4, 2**6),
                   lambda x: 1 / x, {"CrypTen": crypten_reciprocal}),
    "log": ([("Log", "")], log_grid(2**-4, 2**6), np.log,
            {"CrypTen": crypten_log, "MP-SPDZ": mpspdz_log}),
    "softplus": ([("Softplus", "")], np.linspace(-8, 8, N),
                 lambda x: np.log1p(np.exp(x)), {}),
}


def ours(t, nodes, grid, tolerance):
    """Error at each point; bytes an element online and offline, rounds, ns."""
    x = grid.astype(np.float32)
    os.makedirs(t.at("in"), exist_ok=True)
    np.save(t.at("in", "x.npy"), x)
    with open(t.at("m.onnx"), "wb") as f:
        f.write(chain(nodes, x))
    t.run("mpcc", "compile", t.at("m.onnx"), "-o", t.at("m.plan"),
          "--calibrate", t.at("in"), "--frac-bits", 18,
          "--approx-tolerance", tolerance)
    # Of a domain in parts, a table's value outside its part is not chosen.
    t.run("mpcc", "emulate", t.at("m.plan"), "--input-dir", t.at("in"),
          "--output-dir", t.at("out"), "--allow-out-of-range")
    y = np.load(t.at("out", "y.npy")).astype(np.float64)
    seconds = []
    for _ in range(3):
        t.run("mpcrun", "local", t.at("m.plan"), "--input-dir", t.at("in"),
              "--output-dir", t.at("out"), "--stats", t.at("s.json"))
        with open(t.at("s.json")) as f:
            s = json.load(f)
        seconds.append(s["offline"]["seconds"] + s["online"]["seconds"])
    c = t.cost(t.at("m.plan"))
    b = c["online"]["bytes"]
    return {"y": y, "online": (b["p1_p2"] + b["p2_p1"]) / x.size,
            "offline": sum(c["offline"]["bytes"].values()) / x.size,
            "rounds": c["online"]["rounds"],
            "ns": sorted(seconds)[1] * 1e9 / x.size}


def study(t, name, folder):
    nodes, grid, reference, others = FUNCTIONS[name]
    x = grid.astype(np.float32).astype(np.float64)
    want = reference(x)
    lines, curves = [], {}
    for tolerance in TOLERANCES:
        r = ours(t, nodes, grid, tolerance)
        e = abs(r["y"] - want)
        curves[f"mpcc, tolerance {tolerance:g}"] = e
        lines.append([name, f"**mpcc**, tolerance {tolerance:g}",
                      f"{e.max():.1e}", f"{e.mean():.1e}",
                      f"{r['online']:.0f} + {r['offline']:.0f}", r["rounds"],
                      f"{r['ns']:.0f}"])
    with np.errstate(all="ignore"):
        for who, f in others.items():
            e = abs(f(x) - want)
            curves[who] = e
            lines.append([name, who, f"{e.max():.1e}", f"{e.mean():.1e}", "",
                          "", ""])

    def draw(axes):
        for label, e in curves.items():
            if e.ndim > 1:  # rows: errors, largest first
                e = np.sort(e.ravel())[::-1]
                axes.plot(np.arange(e.size)[::64] / e.size, e[::64], label=label)
            else:  # the largest of neighbouring points
                axes.plot(x.reshape(256, -1)[:, 0], e.reshape(256, -1).max(1),
                          label=label)
        axes.set_yscale("log")
        axes.set_ylim(1e-7, 10)
        axes.set_title(f"{name}: absolute error")
        axes.set_xlabel("share of the elements" if x.ndim > 1 else "x")
        axes.legend(fontsize=8)

    tools.figure(os.path.join(folder, "figures", f"approx-{name.lower()}.svg"),
                 draw)
    return lines


def main():
    p = tools.parser(__doc__)
    p.add_argument("--functions", nargs="*", default=list(FUNCTIONS))
    a = p.parse_args()
    t = tools.Tools(a.tools)
    lines = []
    for name in a.functions:
        lines += study(t, name, a.out)
        print("\n".join("  ".join(map(str, r)) for r in lines[-6:]
                        if r[0] == name), flush=True)
    text = f"""# Approximations, measured

Made by `scripts/study/approximations.py`. Ours: the function compiled alone at
18 fraction bits, emulated on {N} points of its domain, run among three processes (two cores
play all of them; median of three). Bytes are an element's, between evaluators +
from the dealer. Formulas of others: in double precision, without their fixed
point's rounding, so the least error they can have; PUMA (2023), MPCFormer
(2023), CrypTen (2021), MP-SPDZ (2020). On outside-the-range inputs theirs diverge (CrypTen's
erf is a Taylor polynomial); what ours do there is in docs/ranges.md.

{tools.table(["function", "method", "max error", "mean error",
              "bytes an element", "rounds", "ns an element"], lines)}
"""
    for name in a.functions:
        text += f"![{name}](figures/approx-{name.lower()}.svg)\n"
    with open(os.path.join(a.out, "approximations-study.md"), "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
