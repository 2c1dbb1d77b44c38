"""docs/operators.md, to the letter: its commands and its parties.toml, with
addresses, fingerprints and the folder of material put in."""
import os
import re
import shlex
import shutil
import subprocess

import numpy as np

import onnx_writer
import support
from support import ROOT, ToolTest


def blocks():
    """The indented blocks of the page, by the number of their section."""
    with open(os.path.join(ROOT, "docs", "operators.md")) as file:
        sections = re.split(r"^## ", file.read(), flags=re.M)
    return {s.split(".")[0]: [
        re.sub(r"^    ", "", b, flags=re.M)
        for b in re.findall(r"(?:^    .*\n(?:^\n(?=    ))?)+", s, flags=re.M)]
        for s in sections}


def commands(block):
    """Its commands as lists of words; comments are the shell's."""
    lines = block.replace("\\\n", " ").splitlines()
    return [words for words in
            (shlex.split(line, comments=True) for line in lines) if words]


class Page(ToolTest):
    def shell(self, words):
        tool = os.path.join(support.TOOLS, words[0])
        done = subprocess.run([tool, *words[1:]], cwd=self.scratch,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0,
                         f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout

    def daemon(self, words):
        with open(self.at(f"log{words[words.index('--id') + 1]}"), "w") as log:
            process = subprocess.Popen(
                [os.path.join(support.TOOLS, words[0]), *words[1:]],
                cwd=self.scratch, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def test_from_three_machines_to_an_answer(self):
        page = blocks()
        x = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
        w = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)
        with open(self.at("model.onnx"), "wb") as file:
            file.write(onnx_writer.one_node(
                "MatMul", 13, "", [("x", x), ("w", w)], {"w"}, ["y"], {}))
        support.save_dir(self.at("samples"), {"x": -x})
        support.save_dir(self.at("in"), {"x": x})

        # 2: the second command is for each client, the first for each party.
        (party, client), = [commands(b) for b in page["2"]]
        prints = {}
        for words in [[a.replace("p0", f"p{i}") for a in party]
                      for i in range(3)] + [client]:
            said = self.shell(words)
            name = words[words.index("--out") + 1]
            prints[name] = re.search(r'fingerprint = "(sha256:\w+)"', said)[1]

        # 3
        toml, = page["3"]
        shown = re.findall(r"sha256:[0-9a-f]{4}\.\.\.", toml)
        self.assertEqual(len(shown), 4)
        for old, who in zip(shown, ("p0", "p1", "p2", "clinic")):
            toml = toml.replace(old, prints[who])
        pid = os.getpid()
        for i in range(3):
            toml = toml.replace(f"p{i}.example.org:", f"127.{210 + i}."
                                f"{pid // 250 % 250}.{1 + pid % 250}:")
        with open(self.at("parties.toml"), "w") as file:
            file.write(toml)

        # 4
        for words in commands(page["4"][0]):
            self.shell(words)
        for i in range(3):
            shutil.move(self.at("shares", f"p{i}.share"), self.at(f"p{i}.share"))

        # 5: parties 0 and 1 are shown, 2 is as 1; the doctor asks.
        zero, one = commands(page["5"][0])
        two = [a.replace("p1", "p2") for a in one]
        two[two.index("--id") + 1] = "2"
        processes = []
        for i, words in enumerate((zero, one, two)):
            words = [a.replace("/var/lib/mpcrun", f"state{i}") for a in words]
            if "--health" in words:  # a port of this machine's, not of all tests
                at = words.index("--health")
                del words[at:at + 2]
            processes.append(self.daemon(words))
        doctor, = commands(page["5"][1])

        # 6
        query, = commands(page["6"][0])
        self.assertIn("online", self.shell(query))
        got = np.load(self.at("out", "y.npy"))
        self.assertLess(abs(got - x @ w).max(), 0.01)
        self.assertIn("all is well", self.shell(doctor))
        for p in processes:
            p.terminate()
        self.assertEqual([p.wait(60) for p in processes], [0, 0, 0])

    def test_every_limit_is_shown(self):
        with open(os.path.join(ROOT, "runtime", "service",
                               "Config.cpp")) as file:
            known = set(re.findall(r'set\("(\w+)"', file.read()))
        shown = set(re.findall(r"^(\w+) = ", blocks()["3"][0].split("[limits]")[
            1], flags=re.M))
        self.assertEqual(shown, known)
