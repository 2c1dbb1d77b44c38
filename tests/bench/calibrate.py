#!/usr/bin/python3
"""Measures the constants of a network profile's [machine] on this machine.

  calibrate.py [--model DIR]... [--plan PLAN=INPUTS]... [--runs N]
               [--hold KEY=VALUE]... [--out FILE.toml] [--check]

Runs small models that each do mostly one kind of work, models/adder, and
those named, through `mpcrun local`; takes the CPU seconds of each party and
phase (--stats) and the counts of work (`mpcc cost --json`), and fits the
seconds of each kind by non-negative least squares on relative errors. Prints
predicted beside measured; --out writes a profile for --network. --hold takes
a constant as given: of a kernel that has its own benchmark and takes little of
any model's time. --check fits nothing: it compares measured with
`mpcc cost --network loopback`.

DIR as for e2e.py. A plan compiled before, with its weights beside it, is
PLAN=INPUTS, INPUTS being the folder of its .npy inputs. Quiet machine,
please: nothing else at the same time.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import support  # noqa: E402

# Work.def, in its order: key of `mpcc cost --json`, key of the profile, unit.
KINDS = []
with open(os.path.join(ROOT, "runtime", "plan", "Work.def")) as table:
    for line in table:
        if line.startswith("WORK("):
            _, key, unit = [c.strip() for c in line[5:].split(",")[:3]]
            key = key.strip('"')
            KINDS.append((key.rsplit("_", 1)[0], key, float(unit)))


def synthetic(folder):
    """Models that are one kind of work each: [(name, model, inputs)]"""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    rng = np.random.default_rng(1)
    out = []

    def model(name, nodes, x, weights=None):
        y = nodes[-1].output[0]
        kind = TensorProto.FLOAT if x.dtype.kind == "f" else TensorProto.INT64
        graph = helper.make_graph(
            nodes, name, [helper.make_tensor_value_info("x", kind, x.shape)],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(w, n)
             for n, w in (weights or {}).items()])
        proto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        path = os.path.join(folder, name)
        os.makedirs(path)
        onnx.save(proto, os.path.join(path, "model.onnx"))
        support.save_dir(os.path.join(path, "inputs"), {"x": x})
        out.append((name, os.path.join(path, "model.onnx"),
                    os.path.join(path, "inputs")))

    def floats(*shape, lo=-1.0, hi=1.0):
        return rng.uniform(lo, hi, shape).astype(np.float32)

    node = helper.make_node
    model("tall-product", [node("MatMul", ["x", "w"], ["y"])],
          floats(2048, 768), {"w": floats(768, 768)})
    model("wide-product", [node("MatMul", ["x", "w"], ["y"])],
          floats(16, 1024), {"w": floats(1024, 4096)})
    model("secret-product", [node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
                             node("MatMul", ["x", "t"], ["y"])],
          floats(12, 512, 256))
    model("squares", [node("Mul", ["x", "x"], ["y"])], floats(1 << 20))
    model("sums", [node("Transpose", ["x"], ["t"], perm=[1, 0])] + [
        node("Add", [f"s{i}" if i else "x", "t"], [f"s{i + 1}"])
        for i in range(8)] + [node("Mul", ["s8", "s8"], ["y"])],
          floats(768, 768))
    model("tanh", [node("Tanh", ["x"], ["y"])], floats(1 << 18, lo=-3, hi=3))
    model("reciprocal", [node("Reciprocal", ["x"], ["y"])],
          floats(1 << 16, lo=1, hi=200))
    model("exponential", [node("Exp", ["x"], ["y"])],
          floats(1 << 19, lo=-10, hi=-0.1))
    model("relu", [node("Relu", ["x"], ["y"])], floats(1 << 18, lo=-8, hi=8))
    model("softmax", [node("Softmax", ["x"], ["y"], axis=-1)],
          floats(2048, 128, lo=-4, hi=4))
    model("gather", [node("Gather", ["w", "x"], ["y"], axis=0)],
          rng.integers(0, 1 << 14, (64,)), {"w": floats(1 << 14, 64)})
    model("chain", [
        node("Mul", [f"p{i}" if i else "x", "x"], [f"p{i + 1}"])
        for i in range(200)], floats(16, lo=0.9, hi=1))
    return out


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True)
    if done.returncode:
        sys.exit(f"calibrate.py: error: {' '.join(map(str, command))}\n"
                 f"{done.stdout}{done.stderr}")
    return done.stdout


class Case:
    """One plan: its counts, and what runs of it took."""

    def __init__(self, name, plan, inputs, args):
        self.name = name
        cost = [os.path.join(args.tools, "mpcc"), "cost", plan, "--json"]
        self.cost = json.loads(run(*cost, "--network", args.network))
        runs = []
        with tempfile.TemporaryDirectory() as scratch:
            stats = os.path.join(scratch, "stats.json")
            for _ in range(args.runs):
                run(os.path.join(args.tools, "mpcrun"), "local", plan,
                    "--input-dir", inputs, "--output-dir",
                    os.path.join(scratch, "out"), "--stats", stats,
                    "--material", "stored")  # streamed phases overlap
                with open(stats) as file:
                    runs.append(json.load(file))

        def median(get):
            return statistics.median(get(r) for r in runs)
        self.cpu = {
            "p0_offline": median(lambda r: r["cpu_s"]["offline"]["p0"]),
            "evaluator_offline": median(
                lambda r: (r["cpu_s"]["offline"]["p1"]
                           + r["cpu_s"]["offline"]["p2"]) / 2),
            "evaluator_online": median(
                lambda r: (r["cpu_s"]["online"]["p1"]
                           + r["cpu_s"]["online"]["p2"]) / 2)}
        self.setup = median(lambda r: r["setup_s"])
        self.offline = median(lambda r: r["offline"]["seconds"])
        self.online = median(lambda r: r["online"]["seconds"])
        self.rss = {p: median(lambda r, p=p: r["peak_rss_bytes"][p])
                    for p in ("p0", "p1", "p2")}

    def counts(self, phase):
        return [self.cost["work"][phase][k] for k, _, _ in KINDS]


def compiled(name, model, inputs, args, scratch):
    arrays = support.load_dir(inputs)
    calibration = os.path.join(scratch, "calibration-" + name)
    support.save_dir(calibration, support.another_sample(arrays))
    plan = os.path.join(scratch, name + ".plan")
    command = [os.path.join(args.tools, "mpcc"), "compile", model, "-o", plan,
               "--calibrate", calibration, "--network", args.network]
    if name == "chain":  # no target for its error: only rounds matter
        command += ["--frac-bits", "14"]
    for a in arrays:
        if a in support.BOUND:
            command += ["--bind", f"{a}={inputs}/{a}.npy"]
    run(*command)
    return Case(name, plan, inputs, args)


def nonnegative(a, b):
    """Least squares with x >= 0, by coordinate descent."""
    gram, right = a.T @ a, a.T @ b
    x = np.zeros(a.shape[1])
    for _ in range(200000):
        before = x.copy()
        for j in range(len(x)):
            if gram[j, j] > 0:
                x[j] = max(0, x[j] + (right[j] - gram[j] @ x) / gram[j, j])
        if np.max(np.abs(x - before) * np.sqrt(np.diag(gram))) < 1e-9:
            break
    return x


def fit(cases, held):
    """Seconds of each kind of work; of a round; until processes run. held:
    seconds by index of KINDS."""
    rows, seconds = [], []
    for c in cases:
        for phase, cpu in c.cpu.items():
            if cpu > 2e-3:
                rows.append(np.array(c.counts(phase)) / cpu)
                seconds.append(1.0)
    a, b = np.array(rows), np.array(seconds)
    for index, value in held.items():
        b -= a[:, index] * value
        a[:, index] = 0
    scale = np.maximum(a.max(axis=0), 1e-300)
    x = nonnegative(a / scale, b) / scale
    for index, value in held.items():
        x[index] = value
    # What a round takes beyond its work, where there are many rounds.
    chain = [c for c in cases if c.cost["online"]["rounds"] > 60]
    waits = [(c.online - c.cpu["evaluator_online"])
             / c.cost["online"]["rounds"] for c in chain]
    startup = min(c.setup for c in cases)
    return x, max(0.0, statistics.median(waits)) if waits else 40e-6, startup


def show_fit(cases, x):
    print(f"{'CPU seconds, one core':30}{'measured':>10}{'fitted':>10}")
    for c in cases:
        for phase, cpu in c.cpu.items():
            if cpu > 2e-3:
                guess = float(np.dot(c.counts(phase), x))
                print(f"{c.name + ' ' + phase:38}{cpu:10.3f}{guess:10.3f}"
                      f"{(guess / cpu - 1) * 100:+8.0f} %")


def show_check(cases):
    print(f"{'wall seconds, memory':22}" + "".join(
        f"{h:>18}{'':8}" for h in ("offline", "online", "P0 MB", "P2 MB")))
    for c in cases:
        cells = [(c.offline, c.cost["offline"]["seconds"], 1),
                 (c.online, c.cost["online"]["seconds"], 1),
                 (c.rss["p0"], c.cost["peak_rss_bytes"]["p0"], 1e6),
                 (c.rss["p2"], c.cost["peak_rss_bytes"]["p2"], 1e6)]
        print(f"{c.name:22}" + "".join(
            f"{m / u:9.3f} ->{p / u:8.3f}{(p / m - 1) * 100:+5.0f}%"
            for m, p, u in cells), flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], metavar="DIR")
    parser.add_argument("--plan", action="append", default=[],
                        metavar="PLAN=INPUTS")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only-named", action="store_true",
                        help="no small models of one kind of work")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--network", default="loopback",
                        help="profile that --check compares with")
    parser.add_argument("--hold", action="append", default=[],
                        metavar="KEY=VALUE",
                        help="in the unit of the key, e.g. dpf_leaf_ns=1")
    parser.add_argument("--tools", default=support.TOOLS)
    parser.add_argument("--out", metavar="FILE.toml")
    args = parser.parse_args()
    if args.runs < 1:
        parser.error("--runs takes a positive number")
    keys = [key for _, key, _ in KINDS]
    held = {}
    for pair in args.hold:
        key, _, value = pair.partition("=")
        try:
            index = keys.index(key)
            held[index] = float(value) * KINDS[index][2]
        except ValueError:
            parser.error(f"--hold {pair}: not KEY=VALUE of Work.def")

    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        if not args.only_named:
            for name, model, inputs in synthetic(scratch):
                cases.append(compiled(name, model, inputs, args, scratch))
        for directory in [support.ADDER] + args.model:
            name = os.path.basename(os.path.abspath(directory))
            cases.append(compiled(name, os.path.join(directory, "model.onnx"),
                                  os.path.join(directory, "inputs"), args,
                                  scratch))
        for pair in args.plan:
            plan, _, inputs = pair.rpartition("=")
            cases.append(Case(os.path.basename(plan)[:-5], plan, inputs, args))
    if args.check:
        show_check(cases)
        return 0
    x, round_s, startup = fit(cases, held)
    show_fit(cases, x)
    text = 'base = "loopback"\n\n[machine]\n'
    text += f"round_us = {round_s * 1e6:.1f}\n"
    text += f"startup_ms = {startup * 1e3:.1f}\n"
    for (_, key, unit), value in zip(KINDS, x):
        text += f"{key} = {value / unit:.4g}\n"
    print("\n" + text, end="")
    if args.out:
        with open(args.out, "w") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
