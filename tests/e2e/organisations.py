"""Owner, clients and three operators on one machine: a folder and processes
of its own for each, over loopback addresses.

    o = Organisations(tools, folder, plan)        # keys, shares, parties.toml
    o.start()                                     # three daemons
    done = o.query("alice", inputs, out)          # a finished client process
    o.stop()

Each Organisations has its own loopback addresses, so that many may run side by
side without agreeing on ports; with `hosts` (Namespaces below) everybody has a
network namespace instead. Between two of them may stand a Proxy
(fault_links.py): LINKS names the five links.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

PORT = 7100
# Who calls whom.
LINKS = [("p1", "p2"), ("p1", "p0"), ("p2", "p0"), ("alice", "p1"),
         ("alice", "p2")]


FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


def clock(offset):
    """What to put in front of a command: its calendar is off, its timers and
    waits are as they are."""
    return ["env", "FAKETIME_DONT_FAKE_MONOTONIC=1", f"FAKETIME={offset}",
            f"LD_PRELOAD={FAKETIME[0]}"]


class Namespaces:
    """A network namespace for each of `names`, all on one bridge, which is in
    one more: hosts with an address of their own and nothing else in common.
    OSError where this is not permitted."""

    def __init__(self, names):
        self.tag = f"mpcc{os.getpid()}"
        self.addresses = {n: f"10.77.0.{10 + i}" for i, n in enumerate(names)}
        self.made = []
        try:
            self.add("net")
            self.ip("net", "link", "add", "bridge", "type", "bridge")
            self.ip("net", "link", "set", "bridge", "up")
            for name, address in self.addresses.items():
                self.add(name)
                self.ip("net", "link", "add", f"to-{name}", "type", "veth",
                        "peer", "name", "eth0", "netns", self.of(name))
                self.ip("net", "link", "set", f"to-{name}", "master",
                        "bridge", "up")
                self.ip(name, "addr", "add", address + "/24", "dev", "eth0")
                self.ip(name, "link", "set", "eth0", "up")
                self.ip(name, "link", "set", "lo", "up")
        except OSError:
            self.close()
            raise

    def of(self, name):
        return f"{self.tag}-{name}"

    def add(self, name):
        self.run("ip", "netns", "add", self.of(name))
        self.made.append(name)

    def ip(self, name, *args):
        self.run("ip", "-n", self.of(name), *args)

    @staticmethod
    def run(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")

    def enter(self, name):
        """What to put in front of a command that is to run there."""
        return ["ip", "netns", "exec", self.of(name)]

    def plug(self, name, up=True):
        """Pulls the cable of a host, or puts it in again."""
        self.ip("net", "link", "set", f"to-{name}", "up" if up else "down")

    def close(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", self.of(name)],
                           capture_output=True)
        self.made = []


class Organisations:
    # Every wait is short, so that a fault shows within seconds.
    LIMITS = {"peer_timeout_s": 4, "request_timeout_s": 12, "drain_s": 5,
              "stock": 2}
    count = 0

    def __init__(self, tools, folder, plan, clients=("alice", "bob"),
                 secure=True, limits=None, hosts=None, threads=1):
        self.tools, self.folder, self.secure = tools, folder, secure
        self.clients = list(clients)
        self.hosts, self.threads = hosts, threads
        self.limits = {**self.LIMITS, **(limits or {})}
        self.parties = [None] * 3
        self.logs = [[] for _ in range(3)]
        self.proxies = {}  # (who, whom) -> "host:port"
        Organisations.count += 1
        pid = os.getpid()
        self.net = f"127.{10 + pid % 200}.{pid // 200 % 250}"
        self.base = 1 + 8 * (Organisations.count % 30)
        for who in self.everybody() + ["owner"]:
            os.makedirs(self.at(who), exist_ok=True)
        # The plan is public: everybody has a copy.
        for who in self.everybody():
            shutil.copy(plan, self.at(who, "model.plan"))
        shutil.copy(plan, self.at("owner", "model.plan"))
        weights = os.path.splitext(plan)[0] + ".weights"
        if os.path.exists(weights):
            shutil.copy(weights, self.at("owner", "model.weights"))
        self.prints = {}
        if secure:
            for who in self.everybody():
                self.prints[who] = self.keygen(who)
        self.share()
        self.configure()

    def everybody(self):
        return ["p0", "p1", "p2"] + self.clients

    def at(self, *parts):
        return os.path.join(self.folder, *parts)

    def run(self, tool, *args, timeout=120):
        return subprocess.run([os.path.join(self.tools, tool),
                               *map(str, args)], capture_output=True,
                              text=True, timeout=timeout)

    def must(self, tool, *args):
        done = self.run(tool, *args)
        if done.returncode:
            raise RuntimeError(f"{tool} {args}: {done.stderr}{done.stdout}")
        return done

    def keygen(self, who, folder=None):
        out = self.at(folder or who, who)
        said = self.must("mpcrun", "keygen", "--name", who, "--out", out)
        return re.search(r"sha256:[0-9a-f]{64}", said.stdout)[0]

    def share(self):
        """The owner masks the weights and hands out one file each."""
        self.must("mpcc", "share-weights", self.at("owner", "model.plan"),
                  "--output-dir", self.at("owner", "shares"))
        for p in range(3):
            shutil.move(self.at("owner", "shares", f"p{p}.share"),
                        self.at(f"p{p}", f"p{p}.share"))

    def address(self, party):
        if self.hosts:
            return f"{self.hosts.addresses[f'p{party}']}:{PORT}"
        return f"{self.net}.{self.base + party}:{PORT}"

    def configure(self):
        """A parties.toml in everybody's folder; they differ where a proxy
        stands between two."""
        for who in self.everybody():
            text = ""
            for p in range(3):
                address = self.proxies.get((who, f"p{p}"), self.address(p))
                text += f'[[party]]\nid = {p}\naddress = "{address}"\n'
                if self.secure:
                    text += f'fingerprint = "{self.prints[f"p{p}"]}"\n'
                text += "\n"
            if self.secure:
                for c in self.clients:
                    text += (f'[[client]]\nname = "{c}"\n'
                             f'fingerprint = "{self.prints[c]}"\n\n')
            text += "[limits]\n" + "".join(
                f"{k} = {v}\n" for k, v in self.limits.items())
            with open(self.at(who, "parties.toml"), "w") as file:
                file.write(text)

    def identity(self, who, folder=None):
        if not self.secure:
            return ["--insecure"]
        base = self.at(folder or who, who)
        return ["--key", base + ".key", "--cert", base + ".crt"]

    def on(self, who):
        """What to put in front of a command of theirs."""
        return self.hosts.enter(who) if self.hosts else []

    def start(self, parties=(0, 1, 2), extra=(), before=()):
        for p in parties:
            who = f"p{p}"
            log = open(self.at(who, "log"), "ab")
            self.parties[p] = subprocess.Popen(
                [*self.on(who), *before, os.path.join(self.tools, "mpcrun"),
                 "party", "--id", str(p),
                 "--config", self.at(who, "parties.toml"), "--plan",
                 self.at(who, "model.plan"), "--share",
                 self.at(who, f"p{p}.share"), "--state",
                 self.at(who, "state"), "--threads", str(self.threads), "--listen",
                 self.address(p), *self.identity(who), *extra],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            log.close()

    def kill(self, party, sig=signal.SIGKILL):
        process = self.parties[party]
        process.send_signal(sig)
        process.wait(30)

    def stop(self):
        """The exit statuses after SIGTERM."""
        status = []
        for p in self.parties:
            if p and p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for p in self.parties:
            try:
                status.append(p.wait(30) if p else None)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                status.append("killed")
        return status

    def query_command(self, who, inputs, out, timeout=15, folder=None):
        return [*self.on(who), os.path.join(self.tools, "mpcrun"), "query",
                self.at(who, "model.plan"), "--config",
                self.at(who, "parties.toml"), *self.identity(who, folder),
                "--input-dir", inputs, "--output-dir", out, "--timeout",
                str(timeout)]

    def query(self, who, inputs, out, timeout=15, folder=None, before=()):
        return subprocess.run(
            [*before, *self.query_command(who, inputs, out, timeout, folder)],
            capture_output=True, text=True, timeout=timeout + 20)

    def doctor(self, who, before=(), timeout=5):
        return subprocess.run(
            [*self.on(who), *before, os.path.join(self.tools, "mpcrun"),
             "doctor", "--config", self.at(who, "parties.toml"),
             "--timeout", str(timeout), *self.identity(who)],
            capture_output=True, text=True, timeout=120)

    def events(self, party):
        """What a party's log says, over all its lives."""
        found = []
        with open(self.at(f"p{party}", "log"), errors="replace") as file:
            for line in file:
                if line.startswith("{"):
                    try:
                        found.append(json.loads(line))
                    except ValueError:
                        pass  # cut short by a kill
        return found

    def await_stock(self, n, seconds=30):
        """Whether both evaluators hold n prepared sessions by then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            held = [sum(f.endswith(".material") for f in os.listdir(
                self.at(f"p{p}", "state"))) if os.path.isdir(
                    self.at(f"p{p}", "state")) else 0 for p in (1, 2)]
            if min(held) >= n:
                return True
            time.sleep(0.02)
        return False

    def reused(self):
        """Sessions that any party served more than once."""
        twice = []
        for p in (1, 2):
            seen = set()
            for e in self.events(p):
                if e["event"] == "serving":
                    if e["session"] in seen:
                        twice.append((p, e["session"]))
                    seen.add(e["session"])
        return twice
