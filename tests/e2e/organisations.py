"""Owner, clients and three operators on one machine: a folder and processes
of its own for each, over loopback addresses.

    o = Organisations(tools, folder, plan)        # keys, shares, parties.toml
    o.start()                                     # three daemons
    done = o.query("alice", inputs, out)          # a finished client process
    o.stop()

Each Organisations has its own loopback addresses, so that many may run side by
side without agreeing on ports. Between two of them may stand a Proxy
(faults.py): links() names the five links.
"""
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


class Organisations:
    # Every wait is short, so that a fault shows within seconds.
    LIMITS = {"peer_timeout_s": 4, "request_timeout_s": 12, "drain_s": 5,
              "stock": 2}
    count = 0

    def __init__(self, tools, folder, plan, clients=("alice", "bob"),
                 secure=True, limits=None):
        self.tools, self.folder, self.secure = tools, folder, secure
        self.clients = list(clients)
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

    def start(self, parties=(0, 1, 2), extra=()):
        for p in parties:
            who = f"p{p}"
            log = open(self.at(who, "log"), "ab")
            self.parties[p] = subprocess.Popen(
                [os.path.join(self.tools, "mpcrun"), "party", "--id", str(p),
                 "--config", self.at(who, "parties.toml"), "--plan",
                 self.at(who, "model.plan"), "--share",
                 self.at(who, f"p{p}.share"), "--state",
                 self.at(who, "state"), "--threads", "1", "--listen",
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
        return [os.path.join(self.tools, "mpcrun"), "query",
                self.at(who, "model.plan"), "--config",
                self.at(who, "parties.toml"), *self.identity(who, folder),
                "--input-dir", inputs, "--output-dir", out, "--timeout",
                str(timeout)]

    def query(self, who, inputs, out, timeout=15, folder=None):
        return subprocess.run(
            self.query_command(who, inputs, out, timeout, folder),
            capture_output=True, text=True, timeout=timeout + 20)

    def doctor(self, who):
        return self.run("mpcrun", "doctor", "--config",
                        self.at(who, "parties.toml"), *self.identity(who))

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
