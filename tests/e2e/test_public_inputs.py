"""Inputs that all parties know when a session starts: one plan, many masks; the
goldens' outputs; traffic that no mask changes."""
import json
import os
import shutil
import unittest

import numpy as np

import support
from support import SHARED, ToolTest

MODELS = ("zoo/albert_model", "zoo/bert_seqcls", "zoo/bloom_lm",
          "zoo/gemma_lm", "zoo/gpt2_lm", "zoo/gpt_neox_lm", "zoo/llama_lm",
          "zoo/opt_lm", "zoo/roberta_seqcls", "zoo/t5_encoder",
          "trained/bert_tiny_sst2", "trained/stories260K")
PUBLIC = ("attention_mask", "position_ids", "token_type_ids")
SST2 = os.path.join(SHARED, "trained", "bert_tiny_sst2")


class PublicInputs(ToolTest):
    def setUp(self):
        super().setUp()
        if not os.path.isdir(SHARED):
            raise unittest.SkipTest("no exports beside the project")

    def compiled(self, folder, names, calibration, plan="m.plan"):
        self.mpcc("compile", os.path.join(folder, "model.onnx"), "-o",
                  self.at(plan), "--calibrate", calibration,
                  *[x for n in names for x in ("--public", n)])
        return self.at(plan)

    def check(self, model):
        folder = os.path.join(SHARED, model)
        inputs = support.load_dir(os.path.join(folder, "inputs"))
        # Calibration has seen other masks and ids.
        other = support.another_sample(inputs)
        for name in set(inputs) & set(PUBLIC):
            other[name] = inputs[name][::-1]
        support.save_dir(self.at("calibration"), other)
        names = [n for n in PUBLIC if n in inputs]
        plan = self.compiled(folder, names, self.at("calibration"))
        real = inputs["attention_mask"] != 0
        for run in (("mpcc", "emulate", "--allow-out-of-range"),
                    ("mpcrun", "local", "--stats", self.at("stats.json"))):
            self.tool(*run, plan, "--input-dir", f"{folder}/inputs",
                      "--output-dir", self.at("out"))
            worst = 0.0
            got = support.load_dir(self.at("out"))
            for name, want in support.load_dir(f"{folder}/outputs").items():
                error = abs(got[name] - want)
                if error.shape[:2] == real.shape:
                    error = error[real]
                worst = max(worst, float(np.max(error)))
            self.assertLessEqual(worst, support.MAX_ERROR, run)
        with open(self.at("stats.json")) as file:
            self.check_stats(plan, json.load(file))
        self.note = f"max {worst:.1e}{self.traffic}"

    def test_everything_public_but_the_weights(self):
        """Then no index is secret: rows of the tables are picked locally."""
        names = ("input_ids", "attention_mask", "token_type_ids")
        plan = self.compiled(SST2, names, f"{SST2}/inputs")
        self.local(plan, SST2)
        self.emulate(plan, SST2)
        self.assertNotIn("one_hot", self.mpcc("dis", plan).stdout)
        self.mpcc("compile", f"{SST2}/model.onnx", "-o", self.at("s.plan"),
                  "--calibrate", f"{SST2}/inputs")
        cost = [json.loads(self.mpcc("cost", p, "--json").stdout)["online"]
                ["bytes"]["p1_p2"] for p in (plan, self.at("s.plan"))]
        self.assertLess(cost[0], cost[1])

    def test_cost_lies_between_bound_and_secret(self):
        def online(plan, *flags):
            self.mpcc("compile", f"{SST2}/model.onnx", "-o", self.at(plan),
                      "--calibrate", f"{SST2}/inputs", *flags)
            cost = json.loads(
                self.mpcc("cost", self.at(plan), "--json").stdout)
            total = sum(cost["online"]["bytes"].values()) + sum(
                cost["offline"]["bytes"].values())
            return cost["online"]["rounds"], total

        bound = online("b.plan", "--bind",
                       f"attention_mask={SST2}/inputs/attention_mask.npy")
        public = online("p.plan", "--public", "attention_mask")
        secret = online("s.plan")
        self.assertLessEqual(bound[0], public[0])
        self.assertLess(public[0], secret[0])
        self.assertLess(bound[1], public[1])
        self.assertLess(public[1], secret[1])
        self.note = f"bound, public, secret: {bound} {public} {secret}"

    def test_no_mask_changes_the_traffic(self):
        inputs = support.load_dir(f"{SST2}/inputs")
        plan = self.compiled(SST2, ["attention_mask"], f"{SST2}/inputs")
        seen = set()
        for fill in (None, 1, 0):
            if fill is not None:
                inputs["attention_mask"][:] = fill
            support.save_dir(self.at("in"), inputs)
            self.mpcrun("local", plan, "--input-dir", self.at("in"),
                        "--output-dir", self.at("out"), "--stats",
                        self.at("stats.json"))
            with open(self.at("stats.json")) as file:
                stats = json.load(file)
            seen.add(json.dumps([stats["online"]["bytes"],
                                 stats["offline"]["bytes"],
                                 stats["wire_bytes"]]))
        self.assertEqual(len(seen), 1)

    def test_errors(self):
        inputs = support.load_dir(f"{SST2}/inputs")
        plan = self.compiled(SST2, ["attention_mask", "token_type_ids"],
                             f"{SST2}/inputs")

        def refused(words, **changed):
            arrays = {**inputs, **changed}
            for name in [n for n in arrays if arrays[n] is None]:
                del arrays[name]
            shutil.rmtree(self.at("bad"), ignore_errors=True)
            support.save_dir(self.at("bad"), arrays)
            for run in (("mpcc", "emulate"), ("mpcrun", "local")):
                done = self.tool(*run, plan, "--input-dir", self.at("bad"),
                                 "--output-dir", self.at("never"), status=1)
                for word in ("error:", *words):
                    self.assertIn(word, done.stderr, run)
                self.assertFalse(os.path.exists(self.at("never")))

        mask = inputs["attention_mask"]
        refused(["no file for public input 'attention_mask' (8x16)"],
                attention_mask=None)
        refused(["public input 'attention_mask': has shape 8x15"],
                attention_mask=mask[:, :15])
        refused(["public input 'attention_mask': element 0 is 7, outside the "
                 "declared range"], attention_mask=mask * 7)
        refused(["public input 'token_type_ids': element 0 is 2, outside the "
                 "declared range [0, 1]"],
                token_type_ids=inputs["token_type_ids"] + 2)
        refused(["public input 'attention_mask': element 0 is 0.5"],
                attention_mask=mask * np.float32(0.5))
        for flags, word in (
                (["--public", "nothing"], "--public nothing: the model has no "
                 "input of that name"),
                (["--public", "attention_mask", "--bind",
                  f"attention_mask={SST2}/inputs/attention_mask.npy"],
                 "--public attention_mask: the input is bound too")):
            done = self.mpcc("compile", f"{SST2}/model.onnx", "-o",
                             self.at("x.plan"), "--calibrate",
                             f"{SST2}/inputs", *flags, status=1)
            self.assertIn(word, done.stderr)


def _add(model):
    name = "test_" + model.split("/")[1]
    setattr(PublicInputs, name, lambda self: self.check(model))


for _model in MODELS:
    _add(_model)
