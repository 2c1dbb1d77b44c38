"""Inputs that a plan was not calibrated for: what the user sees is an error
that says so, or the right answer; docs/ranges.md has the table."""
import os
import shutil
import unittest

import numpy as np

import support
from onnx_writer import one_node
from support import ADDER, SHARED, ToolTest

MS = "com.microsoft"
GUARD = "guard: a value left the range that the plan was calibrated for"


def rnd(*shape, seed=0, scale=1.0):
    rng = np.random.default_rng([seed, *shape])
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def layer_norm(x, eps=0.05):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + eps)


class Adversarial(ToolTest):
    def plan(self, op, opset, inputs, *flags, domain="", weights=(), **attrs):
        """Compiled and calibrated on `inputs`, [(name, array)]."""
        with open(self.at("m.onnx"), "wb") as file:
            file.write(one_node(op, opset, domain, inputs, weights, ["y"],
                                attrs))
        support.save_dir(self.at("calibration"),
                         {n: a for n, a in inputs if n not in weights})
        self.mpcc("compile", self.at("m.onnx"), "-o", self.at("m.plan"),
                  "--calibrate", self.at("calibration"), *flags)
        return self.at("m.plan")

    def run_both(self, plan, inputs, status, runners=("mpcc", "mpcrun"),
                 flags=()):
        """stderr of each runner."""
        support.save_dir(self.at("in"), inputs)
        told = []
        for tool in runners:
            shutil.rmtree(self.at("out"), ignore_errors=True)
            done = self.tool(tool, "emulate" if tool == "mpcc" else "local",
                             plan, "--input-dir", self.at("in"),
                             "--output-dir", self.at("out"), *flags,
                             status=status)
            if status:
                self.assertFalse(os.path.exists(self.at("out", "y.npy")))
            told.append(done.stderr)
        return told

    def refused(self, plan, inputs, *words, **kwargs):
        for told in self.run_both(plan, inputs, 1, **kwargs):
            for word in words:
                self.assertIn(word, told)
            self.note = told.strip().splitlines()[-1][:100]

    def answered(self, plan, inputs, want, limit=0.02, **kwargs):
        for tool in ("mpcc", "mpcrun"):
            self.run_both(plan, inputs, 0, runners=(tool,), **kwargs)
            error = abs(np.load(self.at("out", "y.npy")) - want).max()
            self.note = f"max {error:.1e}"
            self.assertLessEqual(error, limit)

    def test_outlier_in_an_input(self):
        x = rnd(4, 8)
        plan = self.plan("Gelu", 20, [("x", x)])
        far = x.copy()
        far[1, 2] = 1000
        self.refused(plan, {"x": far}, "input 'x': element 10 is 1000, "
                     "outside the declared range")

    def test_longer_sequence(self):
        x = rnd(1, 8, 16)
        plan = self.plan("LayerNormalization", 17,
                         [("x", x), ("scale", np.ones(16, np.float32))],
                         weights=("scale",))
        self.refused(plan, {"x": rnd(1, 9, 16)}, "has shape 1x9x16, expected "
                     "1x8x16")

    def layer_norm_plan(self, x, *flags):
        return self.plan("LayerNormalization", 17,
                         [("x", x), ("scale", np.ones(16, np.float32))],
                         *flags, weights=("scale",), epsilon=0.05)

    def test_zero_row_in_a_layer_norm(self):
        x = rnd(4, 16)
        zero = x.copy()
        zero[2] = 0.5  # all equal: no variance
        # Nothing in the plan looks: the emulator does.
        plan = self.layer_norm_plan(x)
        self.refused(plan, {"x": zero}, "left the declared range, first 'node'",
                     "outside", "--margin-bits", runners=("mpcc",))
        self.run_both(plan, {"x": zero}, 0, runners=("mpcc",),
                      flags=["--allow-out-of-range"])
        # With a guard no party's run gives an answer.
        plan = self.layer_norm_plan(x, "--guard")
        self.refused(plan, {"x": zero}, GUARD, "--margin-bits")
        self.answered(plan, {"x": x}, layer_norm(x))

    def test_zero_row_that_calibration_has_seen(self):
        x = rnd(4, 16)
        x[2] = 0.5
        plan = self.layer_norm_plan(x, "--guard")
        self.answered(plan, {"x": x}, layer_norm(x), limit=0.03)

    def attention_plan(self, q, k, v, *flags):
        return self.plan("Attention", 23, [("q", q), ("k", k), ("v", v)],
                         *flags)

    def test_huge_logits(self):
        q, k, v = (rnd(1, 2, 8, 16, seed=i) for i in range(3))
        plan = self.attention_plan(q, k, v, "--guard")
        big = np.where(rnd(1, 2, 8, 16, seed=5) > 0, 3, -3).astype(np.float32)
        # Each value is in range; all products have one sign.
        self.refused(plan, {"q": big, "k": big, "v": v}, GUARD)
        want = support_attention(q, k, v)
        self.answered(plan, {"q": q, "k": k, "v": v}, want)

    def test_outlier_activation_clipped(self):
        """A sum that leaves the domain of the function it enters: the end's
        value with --out-of-domain=clip, an error with --guard."""
        x, bias = rnd(4, 8, scale=0.2), rnd(8, seed=1, scale=0.2)
        x[:, 0] += 3  # both are known to be large, but not their sum
        bias[0] = -3
        x[:, 1] -= 3
        bias[1] = 3
        inputs = [("x", x), ("bias", bias)]
        far_x, far_bias = x.copy(), bias.copy()
        far_x[0, 2], far_bias[2] = 4, 4
        far = {"x": far_x, "bias": far_bias}
        guarded = self.plan("FastGelu", 1, inputs, "--guard", domain=MS)
        self.refused(guarded, far, GUARD)
        clipped = self.plan("FastGelu", 1, inputs, "--out-of-domain", "clip",
                            domain=MS)
        # An end is the next power of two beyond twice what was seen.
        lo, hi = (2.0 ** np.ceil(np.log2(2 * e.max()))
                  for e in (-(x + bias), x + bias))
        s = np.clip(far_x + far_bias, -lo, hi)
        want = 0.5 * s * (1 + np.tanh(np.sqrt(2 / np.pi)
                                   * (s + 0.044715 * s ** 3)))
        self.assertGreater((far_x + far_bias).max(), 2 * hi)
        self.answered(clipped, far, want, limit=0.01)

    def test_empty_mask(self):
        """A secret mask without any real position: as if it were bound."""
        folder = os.path.join(SHARED, "zoo", "bert_seqcls")
        if not os.path.isdir(folder):
            raise unittest.SkipTest("no exports beside the project")
        inputs = support.load_dir(os.path.join(folder, "inputs"))
        support.save_dir(self.at("calibration"), inputs)
        empty = dict(inputs)
        empty["attention_mask"] = np.zeros_like(inputs["attention_mask"])
        support.save_dir(self.at("in"), empty)
        outs = []
        for bound in (False, True):
            flags = ["--bind", "attention_mask="
                     + self.at("in", "attention_mask.npy")] if bound else []
            self.mpcc("compile", os.path.join(folder, "model.onnx"), "-o",
                      self.at("m.plan"), "--calibrate",
                      self.at("in") if bound else self.at("calibration"),
                      *flags)
            self.mpcc("emulate", self.at("m.plan"), "--input-dir",
                      self.at("in"), "--output-dir", self.at("out"))
            outs.append(support.load_dir(self.at("out")))
        for name, want in outs[1].items():
            error = abs(outs[0][name] - want).max()
            self.note = f"max {error:.1e}"
            self.assertLessEqual(error, 0.02, name)

    def test_guarded_model(self):
        """The calculator with a guard: the same sums."""
        import glob
        plan = self.compile(
            os.path.join(ADDER, "model.onnx"), ADDER,
            sorted(glob.glob(os.path.join(ADDER, "calibration", "*"))),
            ["--guard"])
        self.emulate(plan, ADDER)
        self.local(plan, ADDER)


def support_attention(q, k, v):
    s = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[3])
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v
