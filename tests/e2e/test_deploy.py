"""Keys, shares and the daemons of three organisations."""
import os
import re
import subprocess

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
