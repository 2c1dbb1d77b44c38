"""Models among three in-process parties: bit-identical to the emulator, cost
as declared, masked traffic uniform for very different inputs."""
import os
import subprocess

import numpy as np

import support
from support import ADDER, SHARED, ToolTest, samples_of


class Parties(ToolTest):
    def exact(self, plan, inputs):
        program = os.path.join(os.path.dirname(support.TOOLS), "tests", "e2e",
                               "e2e-parties")
        done = subprocess.run([program, plan, inputs], capture_output=True,
                              text=True, timeout=support.LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertIn("equal their emulation to the bit", done.stdout)
        self.note = done.stdout.strip().splitlines()[-1]
        return done.stdout

    def check(self, model, sample):
        plan = self.compile(os.path.join(model, "model.onnx"), sample)
        self.exact(plan, os.path.join(sample, "inputs"))

    def test_two_very_different_inputs(self):
        plan = self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            [os.path.join(ADDER, "calibration", "0")])
        arrays = support.load_dir(os.path.join(ADDER, "inputs"))
        for fill in (0, 15):
            arrays["input_ids"] = np.full_like(arrays["input_ids"], fill)
            folder = self.at(f"all-{fill}")
            support.save_dir(folder, arrays)
            seen = self.exact(plan, folder)
            self.assertIn("P1 received", seen)
            self.assertIn("from P2", seen)


def add(label, model, sample):
    setattr(Parties, f"test_{label}",
            lambda self: self.check(model, sample))


for case, sample in samples_of(ADDER):
    add(f"adder_{case}", ADDER, sample)
for folder in ("trained/stories260K", "zoo/bert_seqcls", "zoo/gpt2_lm"):
    model = os.path.join(SHARED, folder)
    if os.path.isdir(model):
        for case, sample in samples_of(model):
            add(f"{os.path.basename(folder)}_{case}", model, sample)
