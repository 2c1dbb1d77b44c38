"""--approx: the user's functions in the place of the model's, in float, emulated
and by three parties."""
import json
import os
import unittest

import numpy as np

import support
from support import SHARED, ToolTest

BERT = os.path.join(SHARED, "zoo", "bert_seqcls")
MPCFORMER = """
[[replace]]
contains = "Erf"
with = "quad"

[[replace]]
op = "Softmax"
with = "2quad"
c = 5
"""
RELU = """
[[replace]]
op = "Softmax"
with = "2relu"
eps = 0.01
"""
# PUMA's GELU (Dong et al. 2023): two polynomials between straight tails; they
# do not meet.
PIECES = """
[[replace]]
contains = "Erf"
with = "pieces"
outside = "linear"
pieces = [
  { from = -5, to = -4, coefficients = [0] },
  { from = -4, to = -1.95, coefficients = [-0.5054031199708174,
      -0.42226581151983866, -0.11807612951181953, -0.011034134030615728] },
  { from = -1.95, to = 3, coefficients = [0.008526321541038084, 0.5,
      0.3603292692789629, 0, -0.037688200365904236, 0,
      0.0018067462606141187] },
  { from = 3, to = 5, coefficients = [0, 1] },
]
"""


@unittest.skipUnless(os.path.isdir(BERT), "no exports beside the project")
class Approx(ToolTest):
    def check(self, rules, seed_error=3e-3, run=False):
        """Emulated outputs are those of the replaced model in float."""
        with open(self.at("rules.toml"), "w") as file:
            file.write(rules)
        sample = os.path.join(BERT, "case1")
        inputs = support.load_dir(os.path.join(sample, "inputs"))
        other = support.another_sample(inputs)
        support.save_dir(self.at("calibration"), other)
        # The tested sample comes first, so DIR/0 has its outputs.
        flags = ["--calibrate", os.path.join(sample, "inputs"), "--calibrate",
                 self.at("calibration"), "--bind", "attention_mask=" +
                 os.path.join(sample, "inputs", "attention_mask.npy")]
        plan = self.at("m.plan")
        self.mpcc("compile", os.path.join(BERT, "model.onnx"), "-o",
                  self.at("plain.plan"), *flags)
        self.mpcc("compile", os.path.join(BERT, "model.onnx"), "-o", plan,
                  *flags, "--approx", self.at("rules.toml"),
                  "--float-outputs", self.at("float"))
        self.mpcc("emulate", plan, "--input-dir",
                  os.path.join(sample, "inputs"), "--output-dir",
                  self.at("out"))
        want = support.load_dir(self.at("float", "0"))["logits"]
        golden = support.load_dir(os.path.join(sample, "outputs"))["logits"]
        self.assertGreater(np.max(abs(want - golden)), 1e-4,
                           "the float model was not replaced")
        error = np.max(abs(support.load_dir(self.at("out"))["logits"] - want))
        self.assertLessEqual(error, seed_error)
        if run:
            self.mpcrun("local", plan, "--input-dir",
                        os.path.join(sample, "inputs"), "--output-dir",
                        self.at("out"), "--stats", self.at("stats.json"))
            with open(self.at("stats.json")) as file:
                self.check_stats(plan, json.load(file))
            got = support.load_dir(self.at("out"))["logits"]
            self.assertLessEqual(np.max(abs(got - want)), seed_error)
        costs = []
        for p in (self.at("plain.plan"), plan):
            j = json.loads(self.mpcc("cost", p, "--json").stdout)
            costs.append((j["online"]["rounds"],
                          2 * j["online"]["bytes"]["p1_p2"],
                          sum(j["offline"]["bytes"].values())))
        (rounds, online, offline), (r, on, off) = costs
        self.note = (f"max {error:.1e}, rounds {rounds} -> {r}, online "
                     f"{online / 1e3:.0f} -> {on / 1e3:.0f} kB, offline "
                     f"{offline / 1e3:.0f} -> {off / 1e3:.0f} kB")
        return costs

    def test_quad_and_2quad(self):
        before, after = self.check(MPCFORMER, run=True)
        self.assertLess(after[0], before[0])  # no tree of maxima
        self.assertLess(after[2], before[2] / 2)  # no tables
        self.assertLess(sum(after[1:]), sum(before[1:]))

    def test_2relu(self):
        before, after = self.check(RELU)
        self.assertLess(after[0], before[0])

    def test_pieces(self):
        self.check(PIECES, run=True)

    def test_outside_error_names_the_sample(self):
        with open(self.at("rules.toml"), "w") as file:
            file.write('[[replace]]\ncontains = "Erf"\nwith = "pieces"\n'
                       'outside = "error"\npieces = [{ from = -0.01, '
                       'to = 0.01, coefficients = [0, 1] }]\n')
        sample = os.path.join(BERT, "case1", "inputs")
        done = self.mpcc("compile", os.path.join(BERT, "model.onnx"), "-o",
                         self.at("m.plan"), "--calibrate", sample,
                         "--approx", self.at("rules.toml"), status=1)
        self.assertIn("rules.toml:1:1: outside = 'error': a calibration "
                      "sample takes the argument at node '", done.stderr)
        self.assertFalse(os.path.exists(self.at("m.plan")))

    def test_onnx_operator_type(self):
        with open(self.at("rules.toml"), "w") as file:
            file.write('[[replace]]\nop = "Gelu"\nwith = "quad"\n')
        done = self.mpcc("compile", os.path.join(BERT, "model.onnx"), "-o",
                         self.at("m.plan"), "--calibrate",
                         os.path.join(BERT, "case1", "inputs"), "--approx",
                         self.at("rules.toml"), status=1)
        self.assertIn("no function fits this rule", done.stderr)
        self.assertIn("(Mul) mul(", done.stderr)  # what there is instead
