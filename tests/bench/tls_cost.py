#!/usr/bin/python3
"""What TLS costs: the same deployment over mutual TLS and over plain loopback
TCP, one after the other.

  tls_cost.py [--tools DIR] --plan X.plan --inputs DIR [--requests N]

Prepares N sessions (offline phase, to disk), then serves N requests from them
without P0. Prints medians of seconds, and processor seconds (user and system)
of all processes, per session and per request. X.weights lies beside the plan.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from organisations import Organisations  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def used(o):
    """Processor seconds of each daemon so far; None: it has ended."""
    seconds = []
    for p in o.parties:
        if p.poll() is not None:
            seconds.append(None)
            continue
        with open(f"/proc/{p.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        seconds.append((int(fields[11]) + int(fields[12])) / TICKS)
    return seconds


def measure(args, folder, secure):
    n = args.requests
    o = Organisations(args.tools, folder, args.plan, clients=["client"],
                      secure=secure, threads=args.threads,
                      limits={"stock": n, "peer_timeout_s": 10,
                              "request_timeout_s": 120})
    o.start()
    try:
        if not o.await_stock(n, 600):
            sys.exit("tls_cost.py: error: no material: see " + o.at("p1", "log"))
        prepared = [e["seconds"] for e in o.events(1)
                    if e["event"] == "prepared"][:n]
        prepare_cpu = sum(used(o)) / n
        bandwidth = [line.split(",")[-1].strip() for line in
                     o.doctor("client").stdout.splitlines()
                     if "bandwidth" in line][-1]
        o.kill(0)
        before, wall, online = used(o), [], []
        clients = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(n):
            stats = o.at("client", "stats.json")
            subprocess.run(
                o.query_command("client", args.inputs, o.at("client", "out"),
                                120) + ["--stats", stats], check=True,
                capture_output=True)
            with open(stats) as file:
                numbers = json.load(file)
            wall.append(numbers["wall_s"])
            online.append(numbers["online_s"])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = (after.ru_utime + after.ru_stime - clients.ru_utime
               - clients.ru_stime)
        cpu += sum(b - a for a, b in zip(before, used(o)) if b is not None)
    finally:
        o.stop()
    return {"prepare": statistics.median(prepared), "prepare cpu": prepare_cpu,
            "wall": statistics.median(wall),
            "online": statistics.median(online), "cpu": cpu / n,
            "bandwidth": bandwidth}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", default=os.path.join(ROOT, "build", "tools"))
    parser.add_argument("--plan", required=True)
    parser.add_argument("--inputs", required=True)
    parser.add_argument("--requests", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    args.tools, args.plan, args.inputs = map(
        os.path.abspath, (args.tools, args.plan, args.inputs))
    print("| | prepare s | its CPU s | request s | online s | its CPU s | "
          "doctor |\n|---|---|---|---|---|---|---|")
    for title, secure in (("TLS 1.3", True), ("plain TCP", False)):
        scratch = tempfile.mkdtemp(prefix="mpcc-tls-")
        try:
            m = measure(args, scratch, secure)
        finally:
            shutil.rmtree(scratch)
        print(f"| {title} | {m['prepare']:.3f} | {m['prepare cpu']:.3f} | "
              f"{m['wall']:.3f} | {m['online']:.3f} | {m['cpu']:.3f} | "
              f"{m['bandwidth']} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
