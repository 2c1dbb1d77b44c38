"""mpcrun local when a party's process stops or dies: exit 1, a party named, in
bounded time, nothing left behind."""
import os
import signal
import subprocess
import time

import support
from support import ADDER, ToolTest


class LocalFaults(ToolTest):

    @classmethod
    def setUpClass(cls):
        cls.plan = cls.compile_for_class(os.path.join(ADDER, "model.onnx"),
                                         ADDER)

    @staticmethod
    def runs(pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"--party-process" in file.read()

    def started(self, out):
        """The parent, over a slow line, and its three parties."""
        parent = subprocess.Popen(
            [os.path.join(support.TOOLS, "mpcrun"), "local", self.plan,
             "--input-dir", os.path.join(ADDER, "inputs"), "--output-dir",
             out, "--shape-network", "wan", "--timeout", "1"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(parent.kill)
        path = f"/proc/{parent.pid}/task/{parent.pid}/children"
        while parent.poll() is None:
            with open(path) as file:
                parties = [int(p) for p in file.read().split()]
            # Until its exec a child holds the parent's posix_spawn up.
            if len(parties) == 3 and all(map(self.runs, parties)):
                return parent, parties
        self.fail(parent.stderr.read())

    def harmed(self, sent, delay, parties=(0, 1, 2)):
        for who in parties:
            with self.subTest(party=who):
                out = self.at(f"out{who}")
                parent, pids = self.started(out)
                time.sleep(delay)  # wherever that is
                os.kill(pids[who], sent)
                # Twice the time-out, the grace, and a busy machine.
                _, complaint = parent.communicate(timeout=60)
                self.assertEqual(parent.returncode, 1, complaint)
                self.assertRegex(complaint, r"error: .*party \d|"
                                            r"party \d: error: ")
                self.assertFalse(os.path.exists(out) and os.listdir(out))
                for pid in pids:
                    self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_stopped_early(self):
        self.harmed(signal.SIGSTOP, 0)

    def test_stopped_online(self):
        # 1.5 s of rounds; P0 has dealt all by then.
        self.harmed(signal.SIGSTOP, 0.8, (1, 2))

    def test_killed_early(self):
        self.harmed(signal.SIGKILL, 0)

    def test_killed_online(self):
        self.harmed(signal.SIGKILL, 0.8, (1, 2))
