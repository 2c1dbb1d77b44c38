"""Keys, shares and the daemons of three organisations."""
import os
import re
import socket
import subprocess
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np

import support
from organisations import Organisations
from support import ADDER, ToolTest


class Keygen(ToolTest):
    def test_key_and_certificate(self):
        done = self.mpcrun("keygen", "--name", "p0.example.org", "--out",
                           self.at("p0"), "--days", "30")
        said = re.search(r'fingerprint = "sha256:([0-9a-f]{64})"',
                         done.stdout)[1]
        self.assertEqual(os.stat(self.at("p0.key")).st_mode & 0o777, 0o600)
        shown = subprocess.run(
            ["openssl", "x509", "-in", self.at("p0.crt"), "-noout",
             "-fingerprint", "-sha256", "-subject"], capture_output=True,
            text=True, check=True).stdout
        self.assertIn(said.upper(), shown.replace(":", ""))
        self.assertIn("CN = p0.example.org", shown)
        # Neither overwritten nor lost.
        again = self.mpcrun("keygen", "--name", "x", "--out", self.at("p0"),
                            status=1)
        self.assertIn("a key is never overwritten", again.stderr)
        renewed = self.mpcrun("keygen", "--name", "p0.example.org", "--out",
                              self.at("p0"), "--renew")
        self.assertNotIn(said, renewed.stdout)

    def test_request_for_a_ca(self):
        self.mpcrun("keygen", "--name", "p1.example.org", "--out",
                    self.at("p1"), "--csr")
        shown = subprocess.run(
            ["openssl", "req", "-in", self.at("p1.csr"), "-noout", "-verify",
             "-text"], capture_output=True, text=True, check=True)
        self.assertIn("DNS:p1.example.org", shown.stdout)

    def test_usage(self):
        self.mpcrun("keygen", "--name", "x", status=2)
        self.mpcrun("keygen", "--name", "x", "--out", self.at("x"), "--days",
                    "0", status=2)
        self.assertIn("Examples:", self.mpcrun("keygen", "--help").stdout)


class Shares(ToolTest):
    def test_three_files(self):
        plan = self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            [os.path.join(ADDER, "calibration", "0")])
        first = self.mpcc("share-weights", plan, "--output-dir", self.at("a"))
        second = self.mpcc("share-weights", plan, "--output-dir", self.at("b"))
        self.assertNotEqual(first.stdout.splitlines()[0],
                            second.stdout.splitlines()[0])
        sizes = {}
        for party in range(3):
            path = self.at("a", f"p{party}.share")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            sizes[party] = os.path.getsize(path)
        self.assertLess(sizes[0], 1000)  # keys only
        self.assertEqual(sizes[1], sizes[2])
        with open(self.at("a", "p1.share"), "rb") as a, \
                open(self.at("b", "p1.share"), "rb") as b:
            self.assertNotEqual(a.read()[128:], b.read()[128:])

    def test_errors(self):
        plan = self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            [os.path.join(ADDER, "calibration", "0")])
        done = self.mpcc("share-weights", plan, "--weights",
                         self.at("none"), "--output-dir", self.at("a"),
                         status=1)
        self.assertIn("No such file", done.stderr)
        self.assertFalse(os.path.exists(self.at("a")))
        with open(self.at("model.weights"), "r+b") as file:
            file.seek(200)
            byte = file.read(1)[0]
            file.seek(200)
            file.write(bytes([byte ^ 1]))
        done = self.mpcc("share-weights", plan, "--output-dir", self.at("a"),
                         status=1)
        self.assertIn("wrong checksum", done.stderr)


class Local(ToolTest):
    def test_fifo_is_no_input(self):
        plan = self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            [os.path.join(ADDER, "calibration", "0")])
        os.mkfifo(self.at("pipe"))
        done = self.mpcrun("local", plan, "--input",
                           f"input_ids={self.at('pipe')}", "--output-dir",
                           self.at("out"), status=1)
        self.assertIn("not a regular file", done.stderr)


class Daemons(ToolTest):
    """Three daemons and their clients, each with a folder of its own."""

    def organisations(self, **options):
        plan = self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            [os.path.join(ADDER, "calibration", "0")])
        self.mpcc("emulate", plan, "--input-dir", f"{ADDER}/inputs",
                  "--output-dir", self.at("expected"))
        o = Organisations(support.TOOLS, self.at("o"), plan, **options)
        self.addCleanup(o.stop)
        return o

    def answered(self, o, who="alice"):
        done = o.query(who, f"{ADDER}/inputs", self.at("out"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_outputs(support.load_dir(self.at("out")), ADDER)
        return done

    def test_request_over_mutual_tls(self):
        o = self.organisations()
        o.start()
        self.answered(o)
        self.answered(o, "bob")
        self.assertTrue(o.await_stock(2))
        healthy = o.doctor("alice")
        self.assertEqual(healthy.returncode, 0, healthy.stdout)
        self.assertIn("all is well", healthy.stdout)
        self.assertEqual(o.stop(), [0, 0, 0])
        self.assertEqual(o.reused(), [])
        answered = [e for e in o.events(1)
                    if e["event"] == "request_answered"]
        self.assertEqual({e["client"] for e in answered},
                         {"client 'alice'", "client 'bob'"})
        down = o.doctor("alice", timeout=1)
        self.assertEqual(down.returncode, 1)
        self.assertIn("PROBLEM", down.stdout)

    def test_no_file_holds_more_than_its_role_may_know(self):
        o = self.organisations()
        names = {who: sorted(os.listdir(o.at(who)))
                 for who in ("p0", "p1", "alice")}
        self.assertEqual(names["p0"], ["model.plan", "p0.crt", "p0.key",
                                       "p0.share", "parties.toml"])
        self.assertEqual(names["alice"], ["alice.crt", "alice.key",
                                          "model.plan", "parties.toml"])

    def test_health_and_metrics(self):
        o = self.organisations()
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        o.start([0, 2])
        o.start([1], ["--health", str(port)])
        self.answered(o)
        base = f"http://127.0.0.1:{port}"
        self.assertEqual(urlopen(base + "/healthz").read(), b"ok\n")
        text = urlopen(base + "/metrics").read().decode()
        self.assertIn("mpcc_requests_answered_total 1", text)
        for line in text.splitlines():  # Prometheus' text format
            self.assertRegex(line, r"^(# (HELP|TYPE) mpcc_\w+ .+|"
                             r'mpcc_\w+(\{\w+="[^"]*"\})? [0-9.e+-]+)$')
        with self.assertRaises(HTTPError):
            urlopen(base + "/else")

    def test_plain_tcp_only_where_asked_and_on_loopback(self):
        o = self.organisations(secure=False)
        o.start()
        self.answered(o)
        config = o.at("alice", "parties.toml")
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write(text.replace(o.address(2), "192.0.2.7:7100"))
        done = o.query("alice", f"{ADDER}/inputs", self.at("no"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("is no loopback address", done.stderr)
        o.secure = True  # asks for --key and --cert, which are not there
        self.assertEqual(self.mpcrun(
            "query", o.at("alice", "model.plan"), "--config", config,
            "--input-dir", f"{ADDER}/inputs", "--output-dir", self.at("no"),
            status=1).stderr[:6], "query:")

    def test_preprocess_ahead_of_time(self):
        o = self.organisations(limits={"stock": 5})
        o.start([0, 2])
        done = o.run("mpcrun", "preprocess", "--count", "4", "--config",
                     o.at("p1", "parties.toml"), "--plan",
                     o.at("p1", "model.plan"), "--share",
                     o.at("p1", "p1.share"), "--state", o.at("p1", "state"),
                     "--listen", o.address(1), *o.identity("p1"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("4 prepared sessions", done.stdout)
        self.assertTrue(o.await_stock(4))
        o.kill(0)  # its part is done
        o.start([1])
        for _ in range(2):
            self.answered(o)

    def test_public_inputs(self):
        """Material for each client's values, from P0, when its turn comes."""
        plan = self.at("open.plan")
        self.mpcc("compile", os.path.join(ADDER, "model.onnx"), "-o", plan,
                  "--public", "attention_mask", "--bind",
                  f"position_ids={ADDER}/inputs/position_ids.npy",
                  "--calibrate", os.path.join(ADDER, "calibration", "0"))
        o = Organisations(support.TOOLS, self.at("o"), plan)
        self.addCleanup(o.stop)
        o.start()
        arrays = support.load_dir(f"{ADDER}/inputs")
        masks = {"alice": np.ones_like(arrays["attention_mask"])}
        masks["bob"] = masks["alice"].copy()
        masks["bob"][0, :2] = 0
        answers = {}
        for who, mask in masks.items():
            support.save_dir(self.at(who), {**arrays, "attention_mask": mask})
            self.mpcc("emulate", plan, "--input-dir", self.at(who),
                      "--output-dir", self.at(who, "want"),
                      "--allow-out-of-range")
            done = o.query(who, self.at(who), self.at(who, "out"))
            self.assertEqual(done.returncode, 0, done.stderr)
            answers[who] = support.load_dir(self.at(who, "out"))["logits"]
            want = support.load_dir(self.at(who, "want"))["logits"]
            self.assertLess(abs(answers[who] - want)[:, 2:].max(), 0.05)
        self.assertGreater(abs(answers["alice"] - answers["bob"]).max(), 0.5)
        self.assertEqual(o.doctor("bob").returncode, 0)
        # Dealt for one client's values: nothing is kept for another one.
        o.kill(0)
        done = o.query("bob", self.at("bob"), self.at("no"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("party 0", done.stderr)
        o.start([0])
        self.assertEqual(o.query("bob", self.at("bob"),
                                 self.at("again")).returncode, 0)
        self.assertEqual(o.reused(), [])
        self.assertEqual(o.stop(), [0, 0, 0])
        for p in (1, 2):
            self.assertEqual([f for f in os.listdir(o.at(f"p{p}", "state"))
                              if f.endswith(".material")], [])
        done = o.run("mpcrun", "preprocess", "--count", "4", "--config",
                     o.at("p1", "parties.toml"), "--plan",
                     o.at("p1", "model.plan"), "--share",
                     o.at("p1", "p1.share"), "--state", o.at("p1", "state"),
                     *o.identity("p1"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("has public inputs", done.stderr)

    def test_faults_for_a_short_time(self):
        done = subprocess.run(
            ["/usr/bin/python3",
             os.path.join(os.path.dirname(__file__), "faults.py"), "--tools",
             support.TOOLS, "--seconds", "30", "--seed", "7"],
            capture_output=True, text=True, timeout=support.LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.note = re.search(r"\*\*all\*\* \| \| \*\*(\d+)\*\*",
                              done.stdout)[1] + " faults"


class Reveal(ToolTest):
    """What the owner lets clients learn is a property of the plan."""

    def check_reveal(self, policy, name, rank_of):
        plan = self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            [os.path.join(ADDER, "calibration", "0")],
                            ["--reveal", policy])
        self.mpcrun("local", plan, "--input-dir", f"{ADDER}/inputs",
                    "--output-dir", self.at("out"))
        outputs = support.load_dir(self.at("out"))
        self.assertEqual(list(outputs), [name])  # and no logits
        got = outputs[name]
        golden = support.load_dir(f"{ADDER}/outputs")["logits"]
        order = np.argsort(-golden, -1, kind="stable")
        top = -np.sort(-golden, -1)
        clear = (top[..., :-1] - top[..., 1:]) > support.CLEAR_GAP
        self.assertEqual(got.dtype, np.int64)
        asked = rank_of(got, order, clear)
        self.assertGreater(asked, 2)
        self.note = f"{asked} indices asked"

    def test_argmax(self):
        def compare(got, order, clear):
            self.assertEqual(got.shape, order.shape[:-1])
            self.assertTrue((got == order[..., 0])[clear[..., 0]].all())
            return int(clear[..., 0].sum())
        self.check_reveal("argmax", "logits.argmax", compare)

    def test_topk(self):
        def compare(got, order, clear):
            self.assertEqual(got.shape, order.shape[:-1] + (2,))
            both = clear[..., 0] & clear[..., 1]
            self.assertTrue((got == order[..., :2])[both].all())
            return int(both.sum())
        self.check_reveal("topk=2", "logits.topk", compare)

    def test_refused(self):
        for policy, why in (("max", "--reveal takes logits"),
                            ("topk=0", "--reveal takes logits"),
                            ("topk=99", "takes 99 of a tensor of shape")):
            done = self.mpcc("compile", os.path.join(ADDER, "model.onnx"),
                             "-o", self.at("x.plan"), "--shape",
                             "input_ids=1x12", "--reveal", policy, status=1)
            self.assertIn(why, done.stderr)
