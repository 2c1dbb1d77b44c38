"""Models with goldens: emulated, and run by three processes."""
import glob
import json
import os
import subprocess
import sys
import unittest

import numpy as np

import support
from support import ADDER, ROOT, SHARED, ToolTest, samples_of

sys.path.insert(0, ADDER)
import calculator  # noqa: E402

GENERATE = os.path.join(ROOT, "models", "generate.py")


def add_samples(cls, model_dir, label, ways):
    """A test method of cls for each sample and way: emulate, local."""
    for case, sample in samples_of(model_dir):
        for way in ways:
            def test(self, sample=sample, way=way):
                plan = self.compile(os.path.join(model_dir, "model.onnx"),
                                    sample, self.calibration(sample))
                getattr(self, way)(plan, sample)
            setattr(cls, f"test_{way}_{label}{case}", test)


class Adder(ToolTest):
    """models/adder, the model that everybody has."""

    def calibration(self, sample):
        # The folders it brings have the shape of its first sample.
        if sample == ADDER:
            return sorted(glob.glob(os.path.join(ADDER, "calibration", "*")))
        return None

    def plan(self, *flags):
        return self.compile(os.path.join(ADDER, "model.onnx"), ADDER,
                            self.calibration(ADDER), flags)

    def test_one_plan_many_sums(self):
        plan = self.plan()
        with open(os.path.join(ADDER, "prompts.json")) as file:
            prompts = json.load(file)[:6]
        for prompt in prompts:
            a, b = calculator.parse(prompt["prompt"])
            arrays = calculator.inputs_of([calculator.one_pass_ids(a, b)])
            folder = self.at(f"{a}+{b}")
            support.save_dir(os.path.join(folder, "inputs"), arrays)
            self.local(plan, folder)
            logits = support.load_dir(self.at("out"))["logits"]
            self.assertEqual(
                calculator.decode(arrays["input_ids"], logits),
                [f"{a} + {b} = {prompt['sum']}"])
        self.note = f"{len(prompts)} sums right"

    def test_plan_tells_whole_bits_of_the_weights(self):
        """A weight that moves a little moves nothing in the public plan."""
        try:
            import onnx
            from onnx import numpy_helper
        except ImportError:
            self.skipTest("python3-onnx is not installed")
        model = onnx.load(os.path.join(ADDER, "model.onnx"))
        rng = np.random.default_rng(1)
        for tensor in model.graph.initializer:
            x = numpy_helper.to_array(tensor)
            if x.dtype == np.float32:
                x = x * (1 + 1e-4 * rng.uniform(-1, 1, x.shape))
                tensor.CopyFrom(numpy_helper.from_array(
                    x.astype(np.float32), tensor.name))
        moved = self.at("model.onnx")
        onnx.save(model, moved)
        files = []
        for path in (os.path.join(ADDER, "model.onnx"), moved):
            plan = self.compile(path, ADDER, self.calibration(ADDER))
            with open(plan, "rb") as p, open(self.at("model.weights"),
                                             "rb") as w:
                files.append((p.read(), w.read()))
        self.assertEqual(files[0][0], files[1][0])
        self.assertNotEqual(files[0][1], files[1][1])

    def test_same_bytes_for_any_thread_count(self):
        seen = set()
        for threads in (1, 2, 5):
            plan = self.plan("--threads", threads)
            with open(plan, "rb") as file:
                content = file.read()
            with open(plan[:-5] + ".weights", "rb") as file:
                seen.add(content + file.read())
        self.assertEqual(len(seen), 1)

    def test_weights_are_private(self):
        plan = self.plan()
        mode = os.stat(plan[:-5] + ".weights").st_mode & 0o777
        self.assertEqual(oct(mode), oct(0o600))

    def test_inputs_by_name(self):
        plan = self.plan()
        for tool, command in (("mpcc", "emulate"), ("mpcrun", "local")):
            out = self.at("by-name-" + command)
            self.tool(tool, command, plan, "--input",
                      f"input_ids={ADDER}/inputs/input_ids.npy",
                      "--output-dir", out)
            self.check_outputs(support.load_dir(out), ADDER)

    def test_stored_material(self):
        plan = self.plan()
        stock = self.at("stock")
        os.mkdir(stock)
        for extra in ([], ["--material-dir", stock]):
            out = self.at("stored")
            self.mpcrun("local", plan, "--input-dir", f"{ADDER}/inputs",
                        "--output-dir", out, "--material", "stored",
                        "--stats", self.at("stats.json"), *extra)
            self.check_outputs(support.load_dir(out), ADDER)
        # What was used is on record; the material itself is gone.
        self.assertEqual(sorted(os.listdir(stock)),
                         ["party1.spent", "party2.spent"])
        with open(self.at("stats.json")) as file:
            ops = json.load(file)["ops"]
        self.assertGreater(ops["matmul"]["p1"]["online_s"], 0)
        self.assertGreater(ops["matmul"]["p0"]["offline_s"], 0)

    def test_unknown_file_is_a_note(self):
        plan = self.plan()
        arrays = support.load_dir(f"{ADDER}/inputs")
        arrays["stranger"] = arrays["input_ids"]
        support.save_dir(self.at("in"), arrays)
        for tool, command in (("mpcc", "emulate"), ("mpcrun", "local")):
            done = self.tool(tool, command, plan, "--input-dir",
                             self.at("in"), "--output-dir", self.at("out"))
            self.assertIn("note", done.stderr)
            self.assertIn("stranger", done.stderr)


add_samples(Adder, ADDER, "", ["emulate", "local"])


class Mlp(ToolTest):
    """Generated: Gemm or MatMul, Relu or Gelu, fixed or symbolic shapes."""

    def check(self, way, *args):
        model = self.at("mlp")
        made = subprocess.run(
            ["/usr/bin/python3", GENERATE, "mlp", model, *args],
            capture_output=True, text=True)
        if "No module named 'onnx'" in made.stderr:
            self.skipTest("python3-onnx is not installed")
        self.assertEqual(made.returncode, 0, made.stderr)
        plan = self.compile(os.path.join(model, "model.onnx"), model)
        getattr(self, way)(plan, model)


for name, args in {
        "relu": ["--sizes", "64,128,10", "--activation", "relu"],
        "gelu": ["--sizes", "64,128,128,10", "--activation", "gelu",
                 "--batch", "4"],
        "odd_sizes": ["--sizes", "7,1,3", "--layer", "matmul", "--sequence",
                      "5", "--dynamic"]}.items():
    for way in ("emulate", "local"):
        setattr(Mlp, f"test_{way}_{name}",
                lambda self, way=way, args=args: self.check(way, *args))


@unittest.skipUnless(os.path.isdir(SHARED), f"no models in {SHARED}")
class Shared(ToolTest):
    """Real exports with goldens, calibrated on other samples."""

    # The rest of the folder may grow or shrink; these are promised.
    REQUIRED = ("trained/stories260K", "zoo/bert_seqcls", "zoo/gpt2_lm")

    def calibration(self, sample):
        return None

    def test_required_models_are_here(self):
        for model in self.REQUIRED:
            self.assertTrue(os.path.exists(
                os.path.join(SHARED, model, "model.onnx")), model)


for folder in sorted(glob.glob(os.path.join(SHARED, "zoo", "*")) +
                     glob.glob(os.path.join(SHARED, "trained", "*"))):
    add_samples(Shared, folder, os.path.basename(folder) + "_",
                ["emulate", "local"])
