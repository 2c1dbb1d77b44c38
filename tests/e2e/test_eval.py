"""mpcc eval: metrics against values worked out by hand or by numpy, the float
evaluator, the parties, and errors that name the file."""
import json
import os
import unittest

import numpy as np

import support
from support import ADDER, SHARED, ToolTest

SENTENCES = 48  # of the 436; scripts/accuracy.py runs them all


class Eval(ToolTest):
    def adder(self):
        """A plan of the adder and a data set of three of its samples."""
        samples = [s for _, s in support.samples_of(ADDER)]
        arrays = [support.load_dir(os.path.join(s, "inputs")) for s in samples]
        goldens = [np.load(os.path.join(s, "outputs", "logits.npy"))
                   for s in samples]
        rows = [i for i, a in enumerate(arrays)
                if a["input_ids"].shape == arrays[0]["input_ids"].shape]
        plan = self.compile(os.path.join(ADDER, "model.onnx"), samples[0],
                            [os.path.join(ADDER, "calibration", "0")])
        inputs = {"input_ids": np.concatenate(
            [arrays[i]["input_ids"] for i in rows])}
        for name in ("attention_mask", "position_ids"):
            inputs[name] = arrays[0][name]
        self.golden = np.concatenate([goldens[i] for i in rows])
        support.save_dir(self.at("data", "inputs"), inputs)
        support.save_dir(self.at("data", "outputs"), {"logits": self.golden})
        return plan

    def eval(self, plan, *flags):
        return json.loads(self.mpcc("eval", plan, "--dataset", self.at("data"),
                                    "--json", "-", *flags).stdout)

    def test_adder(self):
        plan = self.adder()
        n = len(self.golden)
        labels = self.golden.argmax(-1)
        labels[0, :3] = -100  # ignored
        labels[0, 3] = (labels[0, 3] + 1) % self.golden.shape[-1]  # wrong
        np.save(self.at("labels.npy"), labels)
        r = self.eval(plan, "--labels", self.at("labels.npy"), "--mpc", 1)
        rows = labels.size
        self.assertEqual(r["samples"], n)
        self.assertAlmostEqual(r["metric"]["private"],
                               (rows - 4) / (rows - 3))
        self.assertEqual(r["metric"]["float"], r["metric"]["private"])
        self.assertEqual(r["argmax"]["rows"], rows)
        self.assertEqual(r["argmax"]["clear_agreeing"], r["argmax"]["clear"])
        self.assertLess(r["error"]["max"], support.MAX_ERROR)
        self.assertAlmostEqual(r["error"]["deviation"],
                               float(self.golden.std()), places=4)
        self.assertEqual(len(r["max_error_by_sample"]), n)
        self.assertEqual(max(r["max_error_by_sample"]), r["error"]["max"])
        self.assertEqual(r["range_violations"]["values"], 0)
        self.assertTrue(r["mpc"]["equal_to_emulation"])

        # The float evaluator instead of the data set's outputs.
        f = self.eval(plan, "--model", os.path.join(ADDER, "model.onnx"),
                      "--metric", "cosine")
        self.assertEqual(f["error"]["reference"], "float evaluator")
        self.assertAlmostEqual(f["error"]["mean"], r["error"]["mean"],
                               delta=1e-5)
        self.assertGreater(f["metric"]["private"], 0.999999)
        text = self.mpcc("eval", plan, "--dataset", self.at("data")).stdout
        self.assertIn("same argmax", text)
        self.assertIn("out of range   none", text)

    def test_perplexity_is_that_of_numpy(self):
        plan = self.adder()
        ids = np.load(self.at("data", "inputs", "input_ids.npy"))
        x = self.golden.astype(np.float64)[:, :-1]
        log = x - x.max(-1, keepdims=True)
        log -= np.log(np.exp(log).sum(-1, keepdims=True))
        nll = -np.take_along_axis(log, ids[:, 1:, None], -1).mean()
        r = self.eval(plan, "--metric", "perplexity", "--next-token",
                      "input_ids", "--mask", "none")
        self.assertAlmostEqual(r["metric"]["float"] / np.exp(nll), 1, places=6)
        self.assertAlmostEqual(
            r["metric"]["private"] / r["metric"]["float"], 1, delta=1e-2)

    def test_errors_name_the_place(self):
        plan = self.adder()

        def fails(words, *flags, data=self.at("data")):
            err = self.mpcc("eval", plan, "--dataset", data, *flags,
                            status=1).stderr
            for word in words:
                self.assertIn(word, err)

        fails(["nowhere", "not a directory"], data=self.at("nowhere"))
        os.mkdir(self.at("empty"))
        fails(["input_ids.npy"], data=self.at("empty"))
        np.save(self.at("few.npy"), np.zeros(3, np.int64))
        fails(["3 labels"], "--labels", self.at("few.npy"))
        many = np.full(self.golden.shape[:-1], 99)
        np.save(self.at("many.npy"), many)
        fails(["label 99", "beyond"], "--labels", self.at("many.npy"))
        np.save(self.at("none.npy"), np.full(many.shape, -100))
        fails(["every label is ignored"], "--labels", self.at("none.npy"))
        fails(["no output 'x'"], "--output", "x")
        self.mpcc("eval", plan, "--dataset", self.at("data"), "--metric",
                  "f1", status=2)
        mask = np.load(self.at("data", "inputs", "attention_mask.npy"))
        many = np.concatenate([mask] * len(self.golden))
        many[-1, 0] ^= 1
        support.save_dir(self.at("data", "inputs"), {"attention_mask": many})
        fails(["attention_mask.npy", f"sample {len(self.golden) - 1}",
               "--public"])
        support.save_dir(self.at("data", "inputs"),
                         {"attention_mask": mask[:, :-1]})
        fails(["attention_mask.npy", "batches of"])

    def test_sentences_with_secret_masks(self):
        folder = os.path.join(SHARED, "trained", "bert_tiny_sst2", "dataset")
        if not os.path.isdir(folder):
            raise unittest.SkipTest("no exports beside the project")
        inputs = support.load_dir(os.path.join(folder, "inputs"))
        labels = np.load(os.path.join(folder, "labels.npy"))
        golden = np.load(os.path.join(folder, "outputs", "logits.npy"))
        calibrate = []
        for i in range(0, len(labels), 40):
            calibrate += ["--calibrate", self.at(f"c{i}")]
            support.save_dir(self.at(f"c{i}"),
                             {k: v[i:i + 1] for k, v in inputs.items()})
        self.mpcc("compile", os.path.join(SHARED, "trained", "bert_tiny_sst2",
                                          "model.onnx"),
                  "-o", self.at("s.plan"), *calibrate)
        support.save_dir(self.at("data", "inputs"),
                         {k: v[:SENTENCES] for k, v in inputs.items()})
        support.save_dir(self.at("data", "outputs"),
                         {"logits": golden[:SENTENCES]})
        np.save(self.at("labels.npy"), labels[:SENTENCES])
        r = self.eval(self.at("s.plan"), "--labels", self.at("labels.npy"),
                      "--mpc", 1)
        self.note = (f"accuracy {r['metric']['private']:.3f} (float "
                     f"{r['metric']['float']:.3f}), max error "
                     f"{r['error']['max']:.1e}")
        self.assertEqual(r["argmax"]["agreeing"], SENTENCES)
        self.assertEqual(r["metric"]["private"], r["metric"]["float"])
        self.assertEqual(r["range_violations"]["values"], 0)
