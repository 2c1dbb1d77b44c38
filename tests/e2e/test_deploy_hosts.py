"""Three operators, an owner and a client on hosts of their own: network
namespaces with a cable each. And what is wrong with a host: its cable, its
disk, its clock."""
import os
import shutil
import subprocess
import unittest

import support
from organisations import FAKETIME, Namespaces, Organisations, clock
from support import ADDER, ToolTest


class Hosts(ToolTest):
    def compiled(self):
        return self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            [os.path.join(ADDER, "calibration", "0")])

    def organisations(self, plan=None, **options):
        o = Organisations(support.TOOLS, self.at("o"), plan or self.compiled(),
                          **options)
        self.addCleanup(o.stop)
        return o

    def on_hosts(self, **options):
        if not shutil.which("ip"):
            self.skipTest("no `ip` here (package iproute2)")
        try:
            hosts = Namespaces(["p0", "p1", "p2", "alice", "bob"])
        except OSError as e:
            self.skipTest(f"network namespaces are not permitted here: {e}")
        self.addCleanup(hosts.close)
        return self.organisations(hosts=hosts, **options)

    def answered(self, o, who="alice"):
        done = o.query(who, f"{ADDER}/inputs", self.at("out"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_outputs(support.load_dir(self.at("out")), ADDER)

    def refused(self, o, *texts, who="alice", **options):
        done = o.query(who, f"{ADDER}/inputs", self.at("no"), **options)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertFalse(os.path.exists(self.at("no")))
        for text in texts:
            self.assertIn(text, done.stderr)

    def test_each_on_a_host_of_its_own(self):
        o = self.on_hosts()
        o.start([2, 0, 1], ["--health", "9100"])
        self.answered(o)
        self.answered(o, "bob")
        said = o.doctor("bob")
        self.assertEqual(said.returncode, 0, said.stdout)
        self.assertIn("party 1 at 10.77.0.11:7100: answers", said.stdout)
        # Each at its own address only, and health pages inside the host.
        probe = ["/usr/bin/python3", "-c", "import sys, urllib.request as u; "
                 "sys.stdout.write(u.urlopen(sys.argv[1]).read().decode())"]
        inside = subprocess.run(
            [*o.on("p1"), *probe, "http://127.0.0.1:9100/healthz"],
            capture_output=True, text=True)
        self.assertEqual(inside.stdout, "ok\n", inside.stderr)
        outside = subprocess.run(
            [*o.on("alice"), *probe, "http://10.77.0.11:9100/healthz"],
            capture_output=True, text=True)
        self.assertIn("Connection refused", outside.stderr)
        # No way there but the cable: this test's own host has none.
        self.assertIn("Network is unreachable", subprocess.run(
            ["ip", "netns", "exec", o.hosts.of("net"), *probe,
             "http://10.77.0.11:7100/"], capture_output=True,
            text=True).stderr)
        self.assertEqual(o.stop(), [0, 0, 0])
        self.assertEqual(o.reused(), [])

    def test_plain_tcp_never_leaves_a_host(self):
        o = self.on_hosts(secure=False)
        for party in range(3):
            o.start([party])
            self.assertEqual(o.parties[party].wait(20), 1)
            with open(o.at(f"p{party}", "log")) as file:
                self.assertIn("loopback", file.read())
        self.refused(o, "10.77.0.10:7100 is no loopback address")

    def test_a_cable_is_pulled(self):
        o = self.on_hosts()
        o.start()
        self.answered(o)
        for who, name in (("p1", "party 1"), ("p2", "party 2")):
            o.hosts.plug(who, False)
            self.refused(o, name)
            o.hosts.plug(who)
            for _ in range(8):  # P1 and P2 notice each other's return
                if o.query("bob", f"{ADDER}/inputs",
                           self.at("out")).returncode == 0:
                    break
            self.answered(o)
        self.assertEqual(o.reused(), [])

    def test_no_space_left(self):
        o = self.organisations(limits={"stock": 1, "request_timeout_s": 5})
        small = o.at("p2", "state")
        os.makedirs(small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k",
                                  "tmpfs", small], capture_output=True,
                                 text=True)
        if mounted.returncode:
            self.skipTest(f"no small disk: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", small])
        o.start()
        self.refused(o, "No space left on device")
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        for _ in range(8):
            if o.query("bob", f"{ADDER}/inputs",
                       self.at("out")).returncode == 0:
                break
        self.answered(o)
        self.assertEqual(o.stop(), [0, 0, 0])

    @unittest.skipUnless(FAKETIME, "libfaketime is not installed")
    def test_clocks(self):
        o = self.organisations()
        o.start()
        self.assertTrue(o.await_stock(1))
        ahead = o.doctor("alice", clock("+2h"))
        self.assertEqual(ahead.returncode, 1)
        self.assertRegex(ahead.stdout, r"party 0 at \S+: PROBLEM: its clock is "
                         r"(7199|7200)\.\d s behind ours: certificates may "
                         "seem expired or not yet valid")
        # Certificates that are not valid yet, or no more, by one's own clock.
        self.assertIn("the certificate of party 1 is valid only from",
                      o.doctor("alice", clock("-3d")).stdout)
        self.refused(o, "the certificate of party 2 is valid only from",
                     "check both clocks", before=clock("-3d"))
        self.refused(o, "the certificate of party 2 expired on",
                     before=clock("+400d"))
        # A party with such a clock: the others are told who refuses whom.
        o.kill(1)
        o.start([1], before=clock("+400d"))
        self.refused(o, "party 1", "this side's certificate has expired")
        o.kill(1)
        o.start([1])
        self.answered(o)
