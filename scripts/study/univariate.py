#!/usr/bin/python3
"""What a function of one secret value costs an element, by method: splines by
distributed point functions, trigonometric sums, direct tables, pieces chosen by
comparisons. Writes docs/univariate.md.

Splines and sums: the function is compiled alone, under a profile that makes the
other dear, and run among three processes with one thread each; seconds are the
op's own, bytes the declared ones. Direct tables: bench-crypto. Pieces: their
number by greedy fits, protocols of bench-proto.

  scripts/study/univariate.py --bench build/tests/bench [--tools build/tools]
    [--under "taskset -c 1"]
"""
import json
import math
import os
import re

import numpy as np

import tools
from approximations import FUNCTIONS
from onnx_writer import chain

NAMES = ("GELU", "SiLU", "tanh", "erf", "sigmoid")
TOLERANCES = (1e-2, 1e-3)
RUNS = 9
DEAR = {  # constants of a profile; rounds too, where domains would be divided
    "spline": {"table_term_ns": 1e9, "round_us": 1e9},
    "sum": {"dpf_leaf_ns": 1e9, "dpf_level_ns": 1e9},
    "table": {"table_term_ns": 1e9, "dpf_leaf_ns": 1e5, "round_us": 1e9},
}
OP = {"spline": "spline", "sum": "fourier", "table": "spline"}
LIMIT = "1.1 G leaf words a second"


def bench(under, folder, program, pattern):
    """Counters by name, from medians."""
    out = tools.run(*under, os.path.join(folder, program),
                    f"--benchmark_filter={pattern}", "--benchmark_format=json",
                    "--benchmark_min_time=0.1", "--benchmark_repetitions=5",
                    "--benchmark_report_aggregates_only=true")
    rows = json.loads(out[out.index("{"):])["benchmarks"]
    return {re.sub(r"/iterations.*|_median$", "", r["name"]): r for r in rows
            if r["name"].endswith("_median") and "error_message" not in r}


def compiled(t, under, name, tolerance, method):
    """The op's attributes in the plan, seconds, bytes; None if the compiler
    did not take the method."""
    nodes, grid = FUNCTIONS[name][:2]
    x = np.resize(grid, 1 << 16).astype(np.float32)
    os.makedirs(t.at("in"), exist_ok=True)
    np.save(t.at("in", "x.npy"), x)
    with open(t.at("m.onnx"), "wb") as f:
        f.write(chain(nodes, x))
    with open(t.at("p.toml"), "w") as f:
        f.write('base = "loopback"\n[machine]\n' + "".join(
            f"{k} = {v:g}\n" for k, v in DEAR[method].items()))
    t.run("mpcc", "compile", t.at("m.onnx"), "-o", t.at("m.plan"),
          "--calibrate", t.at("in"), "--frac-bits", 16, "--approx-tolerance",
          tolerance, "--network", t.at("p.toml"))
    text = t.run("mpcc", "dis", t.at("m.plan"))
    ops = re.findall(rf"= {OP[method]} .*", text)
    if len(ops) != 1 or "= sign" in text:
        return None
    attrs = dict(re.findall(r"(\w+)=(\w+)", ops[0]))
    attrs["K"] = re.search(r"additive<(\d+)", ops[0])[1]
    if method == "sum":
        attrs["harmonics"] = re.search(
            rf"const {attrs['coeffs']} \[(\d+)x4\]", text)[1]
    dealer, evaluator = [], []
    for _ in range(RUNS if method != "table" else 1):
        tools.run(*under, os.path.join(t.folder, "mpcrun"), "local",
                  t.at("m.plan"), "--input-dir", t.at("in"), "--output-dir",
                  t.at("out"), "--threads", 1, "--material", "stored",
                  "--stats", t.at("s.json"))
        with open(t.at("s.json")) as f:
            op = json.load(f)["ops"][OP[method]]
        dealer.append(op["p0"]["offline_s"])
        evaluator.append(max(op[p]["offline_s"] + op[p]["online_s"]
                             for p in ("p1", "p2")))
    c = t.cost(t.at("m.plan"))
    b = c["online"]["bytes"]
    domain = re.search(r'input "x".* range \[(.*), (.*)\]', text)
    return {"attrs": attrs, "domain": [float(v) for v in domain.groups()],
            "rounds": c["online"]["rounds"],
            "dealer": min(dealer) * 1e9 / x.size,  # the least disturbed run
            "evaluator": min(evaluator) * 1e9 / x.size,
            "offline": op["offline_bytes"] / x.size,
            "online": (b["p1_p2"] + b["p2_p1"]) / x.size}


def pieces(f, lo, hi, degree, tolerance):
    """How many polynomials of the degree, each as long as it can be."""
    angles = (np.arange(degree + 1) + 0.5) * math.pi / (degree + 1)
    u = np.linspace(-1, 1, 101)

    def fits(a, b):
        at = (a + b) / 2 + (b - a) / 2 * np.cos(angles)
        c = np.polynomial.chebyshev.chebfit(np.cos(angles), f(at), degree)
        return (abs(np.polynomial.chebyshev.chebval(u, c)
                    - f((a + b) / 2 + (b - a) / 2 * u)).max() <= tolerance)

    n, a = 0, lo
    while a < hi:
        short, long = 0.0, hi - a
        if not fits(a, hi):
            for _ in range(40):
                middle = (short + long) / 2
                short, long = ((middle, long) if fits(a, a + middle)
                               else (short, middle))
            long = short
        n, a = n + 1, a + long + 1e-12
    return n


def compared(f, domain, tolerance, proto):
    """The cheapest of degrees 1 to 4: n - 1 comparisons and products with
    their bits, powers of x."""
    best = None
    for degree in range(1, 5):
        n = pieces(f, *domain, degree, tolerance)
        uses = {"sign/16/4": n - 1, "bitMul/33": n - 1, "mul/48": degree - 1,
                "trunc/48/20": degree}
        total = {k: sum(proto[op][k] * times for op, times in uses.items())
                 for k in ("p0", "offline", "online", "dealt", "sent")}
        row = {"shape": f"{n} of degree {degree}", "dealer": total["p0"] * 1e9,
               "evaluator": (total["offline"] + total["online"]) * 1e9,
               "offline": total["dealt"], "online": total["sent"],
               "rounds": 3 + math.ceil(math.log2(degree))}
        if best is None or row["evaluator"] < best["evaluator"]:
            best = row
    return best


def line(what, method, r):
    return [*what, method, r["shape"], f"{r['dealer']:.0f}",
            f"{r['evaluator']:.0f}", f"{r['offline']:.0f}",
            f"{r['online']:.1f}", r["rounds"]]


def study(t, under, folder, name, tolerance, proto):
    what = (name, f"{tolerance:g}")
    lines, domain = [], None
    for method in ("spline", "sum", "table"):
        r = compiled(t, under, name, tolerance, method)
        if r is None:
            continue
        a, domain = r["attrs"], r["domain"]
        if method == "sum":
            r["shape"] = f"{a['harmonics']} harmonics, K={a['K']}"
            lines.append(line(what, "trigonometric sum", r))
            continue
        d, D, K = int(a["depth"]), int(a["degree"]), int(a["K"])
        r["shape"] = f"d={d}, D={D}, K={K}"
        if method == "spline":
            lines.append(line(what, "spline", r))
            continue
        direct = bench(under, folder, "bench-crypto", f"direct.*/{d}/{D}/33$")
        if not direct:
            continue
        deal = direct[f"directDeal/{d}/{D}/33"]
        look = direct[f"directEvaluate/{d}/{D}/33"]
        r.update(dealer=deal["s/elem"] * 1e9, evaluator=look["s/elem"] * 1e9,
                 offline=(D + 1) * K * 2 ** d / 8)
        lines.append(line(what, "direct table", r))
    lines.append(line(what, "pieces by comparisons",
                      compared(FUNCTIONS[name][2], domain, tolerance, proto)))
    return lines


def shapes(crypto):
    lines = []
    for name, r in crypto.items():
        if not name.startswith("splineEvaluateShares"):
            continue
        d, D, K = name.split("/")[1:4]
        deal = crypto[f"splineDealKeys/{d}/{D}/{K}"]
        lines.append([d, D, K, f"{deal['key_bytes']:.1f}",
                      f"{deal['s/elem'] * 1e9:.0f}", f"{r['s/elem'] * 1e9:.0f}",
                      f"{r['share'] * 100:.0f} %",
                      f"{r['of_limit'] * 100:.0f} %"])
    return lines


def main():
    p = tools.parser(__doc__)
    p.add_argument("--bench", required=True,
                   help="folder of bench-crypto and bench-proto")
    p.add_argument("--under", default="", type=str.split,
                   help="a command that runs what is timed")
    p.add_argument("--functions", nargs="*", default=list(NAMES))
    a = p.parse_args()
    t = tools.Tools(a.tools)
    crypto = bench(a.under, a.bench, "bench-crypto",
                   "splineDeal|splineEvaluateShares.*/2$")
    proto = bench(a.under, a.bench, "bench-proto",
                  "^(sign/16/4|bitMul|mul/48|trunc/48)")
    lines = []
    for name in a.functions:
        for tolerance in TOLERANCES:
            lines += study(t, a.under, a.bench, name, tolerance, proto)
            print("\n".join("  ".join(map(str, r)) for r in lines
                            if r[:2] == [name, f"{tolerance:g}"]), flush=True)
    head = ["dealer ns", "evaluator ns"]
    text = f"""# Functions of one secret value: ns and bytes an element

Made by `scripts/study/univariate.py`; one thread a party. Four ways to compute
f(x) of a masked x (`m = x + l`, m known to both evaluators, l to the dealer):

- *spline*: 2^d polynomials of degree D, D + 1 words modulo 2^K dealt in a
  distributed point function at the mask's high bits; both evaluators get the
  same keys (`runtime/crypto/SplineShare.h`, `runtime/kernels/Spline.h`).
- *trigonometric sum*: sines and cosines of the mask are dealt to P2
  (`runtime/kernels/Fourier.h`).
- *direct table*: the 2^d polynomials themselves, shifted by the mask, dealt to
  P2. No plan uses them; measured in `bench-crypto` with K = 33, the bytes are
  K's. The shape is what the fitter takes when leaves are dear.
- *pieces by comparisons*: polynomials on intervals of any length, chosen by the
  bits of comparisons; the sum of its protocols in `bench-proto`, with 16 bits of
  x compared, powers in 48 bits and products with bits in 33. A lower bound: the
  fit is in floating point, the rounding of powers is not counted. Other systems
  compute it this way.

## By function and tolerance
All offline bytes; online bytes between the evaluators, both ways, with the
truncations before and after. Nanoseconds of the method's own instructions, the
least of several runs; both evaluators run at once on two cores, which costs
splines up to twice the figures of the second table.

{tools.table(["function", "tolerance", "method", "shape", *head,
              "offline bytes", "online bytes", "rounds"], lines)}
## Splines by shape
Key bytes are to each evaluator. The shares are of this run's AES peak (AES
alone counted) and of {LIMIT}, a prototype's rate at 22.5 GB/s
of AES, scaled to this run's peak.

{tools.table(["d", "D", "K", "key bytes", *head, "AES", "of the limit"],
             shapes(crypto))}"""
    with open(os.path.join(a.out, "univariate.md"), "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
