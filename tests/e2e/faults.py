#!/usr/bin/python3
"""Injects faults into a running deployment and counts what happens.

  faults.py --tools build/tools                   60 s, as in CI
  faults.py --tools build/tools --faults 500 --table docs/faults.md
  faults.py ... --faults 50 --seed 8 --add-to counts.json   several runs, one
                                                            table of all

Owner, two clients and three operators as processes over loopback addresses,
mutual TLS, a proxy in each of the five links. Each fault: it is injected, a
client asks, the fault is removed, a client asks again. Wanted: every request
is answered rightly or reported failed in time (never a hang, a wrong answer,
or both), the daemons serve the next one, and no session's material is served
twice. Exit 1 otherwise. --seed repeats a run's choices.
"""
import argparse
import collections
import glob
import json
import os
import random
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault_links import Proxy, Spoiler  # noqa: E402
from organisations import (  # noqa: E402
    FAKETIME, LINKS, Organisations, clock)
from support import ADDER, load_dir, save_dir  # noqa: E402

HANG_S = 40  # a client is given 15 s; then it is a hang


class Run:
    def __init__(self, tools, folder, seed):
        self.rng = random.Random(seed)
        self.tools = tools
        plan = os.path.join(folder, "model.plan")
        self.compile(tools, plan)
        self.o = Organisations(tools, os.path.join(folder, "o"), plan)
        self.other = Organisations(tools, os.path.join(folder, "other"), plan)
        self.samples = self.expected(tools, folder, plan)
        self.link_proxies = {}
        for who, whom in LINKS:
            p = Proxy(f"{self.o.net}.{self.o.base + 5}",
                      self.o.address(int(whom[1])))
            self.link_proxies[who, whom] = p
            self.o.proxies[who, whom] = p.address
        self.o.configure()
        self.counts = collections.defaultdict(collections.Counter)
        self.problems = []
        self.slowest = 0.0
        self.o.start()
        if not self.o.await_stock(1):
            raise RuntimeError("no stock after 30 s")

    def compile(self, tools, plan):
        command = [os.path.join(tools, "mpcc"), "compile",
                   os.path.join(ADDER, "model.onnx"), "-o", plan]
        for name in ("attention_mask", "position_ids"):
            command += ["--bind", f"{name}={ADDER}/inputs/{name}.npy"]
        for sample in sorted(glob.glob(f"{ADDER}/calibration/*")):
            command += ["--calibrate", sample]
        subprocess.run(command, check=True, capture_output=True)

    def expected(self, tools, folder, plan):
        """Some inputs with their plaintext logits."""
        arrays = load_dir(os.path.join(ADDER, "inputs"))
        samples = []
        for i in range(4):
            ids = arrays["input_ids"].copy()
            ids[0, 1:4] = np.roll(ids[0, 1:4], i)
            ids[0, 5:8] = np.roll(ids[0, 5:8], i // 2)
            where = os.path.join(folder, f"sample{i}")
            save_dir(where, {**arrays, "input_ids": ids})
            out = os.path.join(folder, f"expected{i}")
            subprocess.run(
                [os.path.join(tools, "mpcc"), "emulate", plan, "--input-dir",
                 where, "--output-dir", out], check=True, capture_output=True)
            samples.append((where, load_dir(out)))
        return samples

    def ask(self, who="alice", folder=None, cut=None):
        """One request: answered, failed, wrong or hang."""
        where, want = self.rng.choice(self.samples)
        out = tempfile.mkdtemp(dir=self.o.folder)
        start = time.monotonic()
        process = subprocess.Popen(
            self.o.query_command(who, where, out, 15, folder),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            if cut:
                cut()
            said = process.communicate(timeout=HANG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return "hang"
        finally:
            self.slowest = max(self.slowest, time.monotonic() - start)
        got = load_dir(out)
        shutil.rmtree(out)
        if process.returncode != 0:
            if got:
                return "both"
            if "error:" not in said[1]:
                self.problems.append(f"failed without a reason: {said[1]}")
            self.why = said[1].strip()
            return "failed"
        if set(got) != set(want):
            return "neither"
        worst = max(abs(got[n].astype(float) - want[n]).max() for n in want)
        return "answered" if worst < 0.1 else "wrong"

    def recovered(self):
        """The next request is answered, at the latest when the peers' waits
        are over."""
        deadline = time.monotonic() + HANG_S
        tries = 0
        while time.monotonic() < deadline:
            tries += 1
            result = self.ask("bob")
            if result == "answered":
                return True
            if result != "failed":
                self.problems.append(f"after the fault: {result}")
                return False
            time.sleep(0.2)
        self.problems.append(f"not recovered after {tries} tries: {self.why}")
        return False

    def count(self, fault, where, result):
        self.counts[fault, where][result] += 1
        if result in ("hang", "wrong", "both", "neither"):
            self.problems.append(f"{fault} at {where}: {result}")
        if not self.recovered():
            self.problems.append(f"{fault} at {where}: no recovery")

    # The faults.

    def on_link(self, kind):
        link = self.rng.choice(LINKS)
        proxy = self.link_proxies[link]
        proxy.fault = Spoiler(kind, self.rng)
        result = self.ask()
        proxy.fault = None
        self.count(kind, f"{link[0]} - {link[1]}", result)

    def kill(self):
        party = self.rng.randrange(3)
        wait = self.rng.uniform(0, 1.0)
        def now():
            time.sleep(wait)
            self.o.kill(party)
        result = self.ask(cut=now)
        self.o.start([party])
        self.count("kill -9", f"p{party}", result)

    def restart(self):
        party = self.rng.randrange(3)
        wait = self.rng.uniform(0, 0.5)
        def now():
            time.sleep(wait)
            self.o.kill(party, signal.SIGTERM)
        result = self.ask(cut=now)
        self.o.start([party])
        self.count("SIGTERM", f"p{party}", result)

    def kill_client(self):
        where, _ = self.rng.choice(self.samples)
        process = subprocess.Popen(
            self.o.query_command("alice", where, self.o.at("gone")),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.rng.uniform(0, 0.5))
        process.kill()
        process.wait()
        shutil.rmtree(self.o.at("gone"), ignore_errors=True)
        self.count("kill -9", "client", "failed")

    def wrong_certificate(self):
        name = f"stranger{self.rng.randrange(10 ** 9)}"
        os.makedirs(self.o.at(name))
        self.o.keygen("alice", folder=name)
        result = self.ask(folder=name)
        shutil.rmtree(self.o.at(name))
        if result == "answered":
            self.problems.append("a stranger was answered")
        self.count("unknown certificate", "client", result)

    def expired_certificate(self):
        """An expired one in the place of party 2's."""
        key = self.o.at("p2", "p2.key")
        name = self.o.at("p2", "expired")
        subprocess.run(
            ["openssl", "req", "-new", "-key", key, "-subj", "/CN=p2",
             "-out", name + ".csr"], check=True, capture_output=True)
        subprocess.run(
            ["openssl", "x509", "-req", "-in", name + ".csr", "-signkey", key,
             "-days", "-1", "-out", name + ".crt"], check=True,
            capture_output=True)
        said = subprocess.run(
            ["openssl", "x509", "-in", name + ".crt", "-noout",
             "-fingerprint", "-sha256"], check=True, capture_output=True,
            text=True).stdout
        kept = self.o.prints["p2"]
        self.o.prints["p2"] = "sha256:" + said.split("=")[1].strip().replace(
            ":", "").lower()
        crt = self.o.at("p2", "p2.crt")
        shutil.copy(crt, crt + ".kept")
        shutil.copy(name + ".crt", crt)
        self.o.configure()
        self.restart_all()
        result = self.ask()
        # A party that finds its peer's certificate expired says so; one whose
        # handshake the other side ended first knows no more than that.
        if (result == "failed" and "expired" not in self.why
                and "during the handshake" not in self.why):
            self.problems.append(f"expired, but told: {self.why}")
        shutil.move(crt + ".kept", crt)
        self.o.prints["p2"] = kept
        self.o.configure()
        self.restart_all()
        self.count("expired certificate", "p2", result)

    def restart_all(self):
        for p in range(3):
            self.o.kill(p)
        self.o.start()

    def wrong_weights(self):
        """Party 2 with its share of another deployment."""
        share = self.o.at("p2", "p2.share")
        shutil.move(share, share + ".kept")
        shutil.copy(self.other.at("p2", "p2.share"), share)
        self.o.kill(2)
        self.o.start([2])
        result = self.ask()
        shutil.move(share + ".kept", share)
        self.o.kill(2)
        self.o.start([2])
        if result == "answered":
            self.problems.append("answered with mixed deployments")
        self.count("wrong weights", "p2", result)

    def wrong_clock(self):
        """A party whose calendar is at a day when certificates are not valid:
        over, or not begun."""
        party = self.rng.randrange(3)
        offset = self.rng.choice(("+400d", "-3d"))
        self.o.kill(party)
        self.o.start([party], before=clock(offset))
        result = self.ask()
        self.o.kill(party)
        self.o.start([party])
        if party != 0 and result == "answered":
            self.problems.append("answered at a wrong date")
        self.count(f"clock {offset}", f"p{party}", result)

    def wrong_plan(self):
        """A client with another plan."""
        plan = self.o.at("alice", "model.plan")
        shutil.copy(plan, plan + ".kept")
        subprocess.run(
            [os.path.join(self.tools, "mpcc"), "compile",
             os.path.join(ADDER, "model.onnx"), "-o", plan, "--calibrate",
             os.path.join(ADDER, "calibration", "0"),
             *(x for n in ("attention_mask", "position_ids")
               for x in ("--bind", f"{n}={ADDER}/inputs/{n}.npy"))],
            check=True, capture_output=True)
        result = self.ask()
        shutil.move(plan + ".kept", plan)
        if result == "answered":
            self.problems.append("answered with another plan")
        self.count("wrong plan", "client", result)

    def full_disk(self):
        """No file may grow any more: a limit set on the running process."""
        party = self.rng.choice((1, 2))
        pid = self.o.parties[party].pid
        old = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (64, old[1]))
        result = self.ask()
        for _ in range(2):
            self.ask()  # the stock runs out
        resource.prlimit(pid, resource.RLIMIT_FSIZE, old)
        self.count("full disk", f"p{party}", result)

    def together(self):
        """Four clients at once."""
        results = []
        threads = [threading.Thread(
            target=lambda w=w: results.append(self.ask(w)))
            for w in ("alice", "bob", "alice", "bob")]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        bad = [r for r in results if r != "answered"]
        if bad:
            self.problems.append(f"four at once: {results}: {self.why}")
        self.count("four at once", "clients", bad[0] if bad else "answered")

    def copied_material(self):
        """Material is copied, used, and put back."""
        self.o.await_stock(2)
        copies = {}
        for p in (1, 2):
            copies[p] = self.o.at(f"copy{p}")
            os.makedirs(copies[p], exist_ok=True)
            for f in glob.glob(self.o.at(f"p{p}", "state", "*.material")):
                try:
                    shutil.copy(f, copies[p])
                except FileNotFoundError:
                    pass  # dropped meanwhile
        results = {self.ask() for _ in range(2)}
        for p in (1, 2):
            self.o.kill(p)
            for f in glob.glob(copies[p] + "/*.material"):
                shutil.copy(f, self.o.at(f"p{p}", "state"))
            shutil.rmtree(copies[p])
        self.o.start([1, 2])
        self.count("copied material", "p1, p2",
                   "answered" if results == {"answered"} else "failed")

    def garbage(self):
        """Bytes of no protocol, and silence, at a party's door."""
        party = self.rng.randrange(3)
        host, port = self.o.address(party).rsplit(":", 1)
        held = []
        for _ in range(10):
            s = socket.create_connection((host, int(port)), 5)
            n = self.rng.choice((0, 1, 5, 300, 20000))
            s.sendall(self.rng.randbytes(n))
            held.append(s)
        result = self.ask()
        for s in held:
            s.close()
        if result != "answered":
            self.problems.append(f"garbage disturbs: {self.why}")
        self.count("garbage and silence", f"p{party}", result)

    def silent_client(self):
        """A known client that shakes hands and says nothing."""
        host, port = self.o.address(1).rsplit(":", 1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(self.o.at("bob", "bob.crt"),
                                self.o.at("bob", "bob.key"))
        with socket.create_connection((host, int(port)), 5) as raw:
            with context.wrap_socket(raw) as s:
                if self.rng.random() < 0.5:
                    s.sendall(self.rng.randbytes(200))
                result = self.ask()
        if result != "answered":
            self.problems.append(f"a silent client disturbs: {self.why}")
        self.count("silent client", "p1", result)

    def one(self):
        kinds = [(lambda k=k: self.on_link(k))
                 for k in ("delay", "cut", "truncate", "duplicate", "flip")]
        kinds = kinds * 4 + [self.kill] * 7 + [
            self.restart, self.kill_client, self.wrong_certificate,
            self.together, self.garbage, self.silent_client,
            self.copied_material, self.wrong_weights, self.full_disk,
            self.wrong_plan, self.expired_certificate,
            *([self.wrong_clock] if FAKETIME else [])]
        self.rng.choice(kinds)()

    def finish(self):
        twice = self.o.reused()
        status = self.o.stop()
        self.o.parties = [None] * 3
        if twice:
            self.problems.append(f"material served twice: {twice[:3]}")
        if status != [0, 0, 0]:
            self.problems.append(f"exit statuses after SIGTERM: {status}")
        return len(twice)


def add_up(run, reused, path):
    """What earlier runs left in the file, and this one; kept there again."""
    known = {"counts": [], "reused": 0, "slowest": 0.0}
    if os.path.exists(path):
        with open(path) as file:
            known = json.load(file)
    for fault, where, c in known["counts"]:
        run.counts[fault, where].update(c)
    run.slowest = max(run.slowest, known["slowest"])
    reused += known["reused"]
    with open(path + ".new", "w") as file:
        json.dump({"counts": [[*k, c] for k, c in run.counts.items()],
                   "reused": reused, "slowest": run.slowest}, file)
    os.replace(path + ".new", path)
    return reused


def table(run, reused):
    lines = ["| fault | where | times | answered | reported failed | hang, "
             "wrong answer or both |", "|---|---|---|---|---|---|"]
    for (fault, where), c in sorted(run.counts.items()):
        n = sum(c.values())
        bad = n - c["answered"] - c["failed"]
        lines.append(f"| {fault} | {where} | {n} | {c['answered']} | "
                     f"{c['failed']} | {bad} |")
    bad = sum(n for c in run.counts.values() for k, n in c.items()
              if k not in ("answered", "failed"))
    total = sum(sum(c.values()) for c in run.counts.values())
    lines.append(f"| **all** | | **{total}** | "
                 f"{sum(c['answered'] for c in run.counts.values())} | "
                 f"{sum(c['failed'] for c in run.counts.values())} | "
                 f"**{bad}** |")
    lines.append("")
    lines.append(f"Material served twice: {reused}. Longest a client waited: "
                 f"{run.slowest:.1f} s.")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--faults", type=int, default=10 ** 9)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", help="write the table between the markers "
                        "of this file")
    parser.add_argument("--add-to", help="FILE.json with earlier runs' counts")
    parser.add_argument("--keep", help="leave the folders here")
    args = parser.parse_args()
    seconds = args.seconds or (60 if args.faults == 10 ** 9 else 10 ** 9)
    scratch = args.keep or tempfile.mkdtemp(prefix="mpcc-faults-")
    os.makedirs(scratch, exist_ok=True)
    run = None
    try:
        run = Run(os.path.abspath(args.tools), scratch, args.seed)
        end = time.monotonic() + seconds
        n = 0
        while n < args.faults and time.monotonic() < end:
            run.one()
            n += 1
            if n % 25 == 0:
                print(f"{n} faults, {len(run.problems)} problems",
                      file=sys.stderr, flush=True)
        reused = run.finish()
    finally:
        if run:
            run.o.stop()
        if not args.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    if args.add_to:
        reused = add_up(run, reused, args.add_to)
    text = table(run, reused)
    print(text)
    for p in run.problems:
        print("PROBLEM:", p)
    if args.table:
        with open(args.table) as file:
            before, rest = file.read().split("<!-- table -->\n", 1)
            after = rest.split("<!-- end -->", 1)[1]
        with open(args.table, "w") as file:
            file.write(f"{before}<!-- table -->\n{text}<!-- end -->{after}")
    return 1 if run.problems else 0


if __name__ == "__main__":
    sys.exit(main())
