#!/usr/bin/python3
"""End-to-end benchmark: a model through `mpcrun local`, medians of N runs.

  e2e.py [--model DIR]... [--case NAME] [--runs N] [--out FILE.json]
  e2e.py --model skeletons/bert_base --refill [--scratch DIR]

DIR holds model.onnx and inputs/, as models/adder (the default) does; a plan
is compiled for the sample, calibrated on DIR/calibration/* or else on another
sample made of it. --refill: DIR is a skeleton, whose weights the refill.py in
it or beside it writes first, to --scratch. Prints a table, and with --ops one
per kind of op; the JSON holds every run too. The times are mpcrun's own
(--stats): with stored material offline and online come one after the other,
streamed they overlap. "cpu s" is all parties' in both phases, "stolen s" what a
hypervisor took from the machine during a run. MB are 10^6 bytes.
"""
import argparse
import datetime
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import support  # noqa: E402

# The table: title, key of the measurement, divisor.
COLUMNS = [("offline s", "offline_s", 1), ("online s", "online_s", 1),
           ("total s", "total_s", 1), ("fastest", "fastest_s", 1),
           ("slowest", "slowest_s", 1), ("cpu s", "cpu_s", 1),
           ("stolen s", "stolen_s", 1), ("set-up s", "setup_s", 1),
           ("offline MB", "offline_bytes", 1e6),
           ("online MB", "online_bytes", 1e6), ("rounds", "rounds", 1),
           ("P0 MB", "rss_p0", 1e6), ("P1 MB", "rss_p1", 1e6),
           ("P2 MB", "rss_p2", 1e6), ("compile s", "compile_s", 1)]


def machine():
    """What the figures were measured on."""
    facts = {"system": platform.platform(), "cpus": os.cpu_count(),
             "date": datetime.datetime.now().isoformat(timespec="seconds")}
    with open("/proc/cpuinfo") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                facts["cpu"] = value.strip()
            elif key.strip() == "flags":
                known = {"avx2", "avx512f", "avx512ifma", "vaes", "gfni"}
                facts["simd"] = sorted(known & set(value.split()))
    with open("/proc/meminfo") as file:
        facts["memory_gb"] = round(int(file.readline().split()[1]) / 1e6, 1)
    facts["load_before"] = os.getloadavg()[0]
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always",
                           "--dirty"], capture_output=True, text=True)
    if done.returncode == 0:
        facts["commit"] = done.stdout.strip()
    return facts


def stolen():
    """Seconds for which a hypervisor ran somebody else, so far."""
    with open("/proc/stat") as file:
        fields = file.readline().split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


def run(*command):
    """Runs it; its failure ends the benchmark."""
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True)
    if done.returncode:
        sys.exit(f"e2e.py: error: {' '.join(map(str, command))}\n"
                 f"{done.stdout}{done.stderr}")


def refill(skeleton, scratch):
    """The folder with the skeleton's model and its weights."""
    for script in (os.path.join(skeleton, "refill.py"),
                   os.path.join(os.path.dirname(skeleton), "refill.py")):
        if os.path.exists(script):
            folder = os.path.join(scratch, os.path.basename(skeleton))
            # A rerun with the same --scratch finds the weights.
            if not os.path.exists(os.path.join(folder, "weights.bin")):
                run("/usr/bin/python3", script, skeleton, "--out", folder)
            return folder
    sys.exit(f"e2e.py: error: no refill.py in {skeleton} or beside it")


def flat(stats):
    """One run's figures by the names of COLUMNS."""
    offline, online = stats["offline"], stats["online"]
    return {"offline_s": offline["seconds"], "online_s": online["seconds"],
            "total_s": stats["wall_s"], "setup_s": stats["setup_s"],
            "offline_bytes": sum(offline["bytes"].values()),
            "online_bytes": sum(online["bytes"].values()),
            "rounds": online["rounds"], "stolen_s": stats["stolen_s"],
            "cpu_s": sum(s for phase in stats["cpu_s"].values()
                         for s in phase.values()),
            "rss_p0": stats["peak_rss_bytes"]["p0"],
            "rss_p1": stats["peak_rss_bytes"]["p1"],
            "rss_p2": stats["peak_rss_bytes"]["p2"]}


# The table of ops: title, party, phase.
OP_COLUMNS = [("P0 off s", "p0", "offline_s"), ("P1 off s", "p1", "offline_s"),
              ("P2 off s", "p2", "offline_s"), ("P1 on s", "p1", "online_s"),
              ("P2 on s", "p2", "online_s")]


def op_table(runs):
    """Medians by kind of op, the busiest first."""
    table = {}
    for op, first in runs[0]["ops"].items():
        row = {k: first[k] for k in ("offline_bytes", "online_bytes",
                                     "exchanges") if k in first}
        row["count"] = first.get("p1", {}).get("count", 0)
        for title, party, phase in OP_COLUMNS:
            row[title] = statistics.median(
                r["ops"].get(op, {}).get(party, {}).get(phase, 0)
                for r in runs)
        table[op] = row
    busy = {op: sum(row[c[0]] for c in OP_COLUMNS)
            for op, row in table.items()}
    return {op: table[op] for op in sorted(table, key=lambda op: -busy[op])}


def print_ops(table):
    print(f"{'op':18}{'count':>7}{'exchanges':>10}{'off MB':>9}{'on MB':>9}" +
          "".join(f"{c[0]:>10}" for c in OP_COLUMNS))
    for op, row in table.items():
        print(f"{op:18}{row['count']:7}{row.get('exchanges', 0):10}"
              f"{row.get('offline_bytes', 0) / 1e6:9.1f}"
              f"{row.get('online_bytes', 0) / 1e6:9.1f}" +
              "".join(f"{row[c[0]]:10.3f}" for c in OP_COLUMNS))


def measure(args, directory, scratch):
    directory = os.path.abspath(directory)
    sample = os.path.join(directory, args.case)
    inputs = os.path.join(sample, "inputs")
    arrays = support.load_dir(inputs)
    if not arrays:
        sys.exit(f"e2e.py: error: no .npy files in {inputs}")
    model = refill(directory, scratch) if args.refill else directory

    calibration = sorted(glob.glob(os.path.join(directory, "calibration",
                                                "*")))
    if not calibration or args.case != ".":
        calibration = [os.path.join(scratch, "calibration")]
        support.save_dir(calibration[0], support.another_sample(arrays))
    plan = os.path.join(scratch, "model.plan")
    command = [os.path.join(args.tools, "mpcc"), "compile",
               os.path.join(model, "model.onnx"), "-o", plan]
    for folder in calibration:
        command += ["--calibrate", folder]
    for name in arrays:
        if name in support.BOUND:
            command += ["--bind", f"{name}={inputs}/{name}.npy"]
    start = time.monotonic()
    run(*command)
    compiled = time.monotonic() - start

    runs = []
    for _ in range(args.runs):
        stats = os.path.join(scratch, "stats.json")
        before = stolen()
        run(os.path.join(args.tools, "mpcrun"), "local", plan, "--input-dir",
            inputs, "--output-dir", os.path.join(scratch, "out"), "--stats",
            stats, "--material", args.material, "--shape-network",
            args.network,
            *(["--threads", args.threads] if args.threads else []))
        with open(stats) as file:
            runs.append(json.load(file) | {"stolen_s": stolen() - before})
    figures = [flat(r) for r in runs]
    median = {k: statistics.median(f[k] for f in figures) for k in figures[0]}
    median["compile_s"] = compiled
    median["fastest_s"] = min(f["total_s"] for f in figures)
    median["slowest_s"] = max(f["total_s"] for f in figures)
    return {"model": os.path.basename(directory), "case": args.case,
            "material": args.material, "network": args.network,
            "plan_bytes": os.path.getsize(plan), "median": median,
            "ops": op_table(runs), "runs": runs}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", metavar="DIR")
    parser.add_argument("--case", default=".",
                        help="case1, ...: another sample than DIR/inputs")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--refill", action="store_true")
    parser.add_argument("--scratch", metavar="DIR",
                        help="keeps refilled weights from run to run")
    parser.add_argument("--material", default="stored",
                        choices=["stored", "streamed"])
    parser.add_argument("--network", default="loopback",
                        choices=["loopback", "lan", "wan"],
                        help="links slowed down to this (--shape-network)")
    parser.add_argument("--ops", action="store_true",
                        help="also print seconds and bytes per kind of op")
    parser.add_argument("--threads", type=int, help="of each party")
    parser.add_argument("--tools", default=support.TOOLS,
                        help="folder of mpcc and mpcrun (build/tools)")
    parser.add_argument("--out", metavar="FILE.json")
    args = parser.parse_args()
    if args.runs < 1:
        parser.error("--runs takes a positive number")
    for tool in ("mpcc", "mpcrun"):
        if not os.path.exists(os.path.join(args.tools, tool)):
            sys.exit(f"e2e.py: error: no {tool} in {args.tools}: build first, "
                     "or name the folder with --tools")

    report = {"machine": machine(), "models": []}
    facts = report["machine"]
    print(f"{facts.get('cpu', '?')}, {facts['cpus']} CPUs, "
          f"{facts['memory_gb']} GB, load {facts['load_before']:.1f}; "
          f"median of {args.runs}")
    print(f"{'model':24}" + "".join(f"{c[0]:>12}" for c in COLUMNS))
    for directory in args.model or [support.ADDER]:
        with tempfile.TemporaryDirectory() as scratch:
            result = measure(args, directory, args.scratch or scratch)
        report["models"].append(result)
        cells = [result["median"][key] / unit for _, key, unit in COLUMNS]
        print(f"{result['model']:24}" + "".join(
            f"{c:12.0f}" if c == int(c) else f"{c:12.3f}" for c in cells),
            flush=True)
        if args.ops:
            print_ops(result["ops"])
    if args.out:
        with open(args.out, "w") as file:
            json.dump(report, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
