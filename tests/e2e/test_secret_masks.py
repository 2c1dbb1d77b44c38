"""Attention masks that stay secret: padding shows in no plan, and the outputs at
real positions are those of the goldens."""
import os
import unittest

import numpy as np

import support
from support import SHARED, ToolTest

MODELS = ("zoo/bert_seqcls", "zoo/distilbert_seqcls", "zoo/gpt2_lm",
          "zoo/llama_lm", "zoo/opt_lm", "zoo/t5_encoder",
          "trained/bert_tiny_sst2")


class SecretMasks(ToolTest):
    unpadded = False

    def check(self, model):
        folder = os.path.join(SHARED, model)
        if not os.path.isdir(folder):
            raise unittest.SkipTest("no exports beside the project")
        worst = 0.0
        for _, sample in support.samples_of(folder):
            inputs = support.load_dir(os.path.join(sample, "inputs"))
            other = support.another_sample(inputs)
            # Calibration has seen no padding, or that of other rows.
            for name in set(inputs) & set(support.BOUND):
                other[name] = inputs[name][::-1]
            if self.unpadded:
                other["attention_mask"] = np.ones_like(inputs["attention_mask"])
            support.save_dir(self.at("calibration"), other)
            self.mpcc("compile", os.path.join(folder, "model.onnx"), "-o",
                      self.at("m.plan"), "--calibrate", self.at("calibration"))
            self.assertIn("attention_mask", self.mpcc(
                "dis", self.at("m.plan")).stdout)
            self.mpcc("emulate", self.at("m.plan"), "--input-dir",
                      os.path.join(sample, "inputs"), "--output-dir",
                      self.at("out"))
            real = inputs["attention_mask"] != 0
            got = support.load_dir(self.at("out"))
            for name, want in support.load_dir(
                    os.path.join(sample, "outputs")).items():
                error = abs(got[name] - want)
                if error.shape[:2] == real.shape:  # padding means nothing
                    error = error[real]
                worst = max(worst, float(np.max(error)))
        self.note = f"max {worst:.1e}"
        self.assertLessEqual(worst, support.MAX_ERROR)


    def test_padding_that_calibration_never_saw(self):
        self.unpadded = True
        self.check("trained/bert_tiny_sst2")


def _add(model):
    name = "test_" + model.split("/")[1]
    setattr(SecretMasks, name, lambda self: self.check(model))


for _model in MODELS:
    _add(_model)
