"""Bad input: an error that names the place, exit 1; usage: exit 2; and
nothing half-written."""
import os
import shutil

import numpy as np

import support
from support import ADDER, ToolTest

MODEL = os.path.join(ADDER, "model.onnx")


class BadInput(ToolTest):
    """One plan for all; each test damages a copy of what it needs."""

    @classmethod
    def setUpClass(cls):
        cls.plan_made = cls.compile_for_class(MODEL, ADDER)
        # Of the same model, but another plan: other shapes.
        cls.other_plan = cls.compile_for_class(MODEL,
                                               os.path.join(ADDER, "case2"))

    def setUp(self):
        super().setUp()
        self.plan = self.at("adder.plan")
        self.weights = self.at("adder.weights")
        shutil.copy(self.plan_made, self.plan)
        shutil.copy(self.plan_made[:-5] + ".weights", self.weights)
        self.inputs = {"input_ids": np.load(f"{ADDER}/inputs/input_ids.npy")}

    def refused(self, *words, args=(), runners=("mpcrun", "mpcc")):
        """Both ways of running a plan fail, name the words, leave nothing."""
        if not os.path.lexists(self.at("in")):
            support.save_dir(self.at("in"), self.inputs)
        for tool in runners:
            command = ["local", "--stats", self.at("stats.json")]
            if tool == "mpcc":
                command = ["emulate"]
            done = self.tool(
                tool, command[0], self.plan, *command[1:], "--input-dir",
                self.at("in"), "--output-dir", self.at("out"), *args,
                status=1)
            self.assertIn("error:", done.stderr)
            for word in words:
                self.assertIn(word, done.stderr, tool)
            self.assertEqual(done.stdout, "")
            left = os.path.isdir(self.at("out")) and os.listdir(self.at("out"))
            self.assertFalse(left, "outputs are left behind")
            self.assertFalse(os.path.exists(self.at("stats.json")))

    def damage(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 0x10]))

    def cut(self, path, size):
        with open(path, "r+b") as file:
            file.truncate(size)

    # The plan.
    def test_plan_missing(self):
        os.remove(self.plan)
        self.refused("adder.plan")

    def test_plan_altered(self):
        size = os.path.getsize(self.plan)
        for offset in (0, 4, 9, 40, size // 3, size // 2, size - 1):
            shutil.copy(self.plan_made, self.plan)
            self.damage(self.plan, offset)
            self.refused("adder.plan")

    def test_plan_truncated(self):
        size = os.path.getsize(self.plan)
        for keep in (0, 3, 8, 64, size // 2, size - 1):
            shutil.copy(self.plan_made, self.plan)
            self.cut(self.plan, keep)
            self.refused("adder.plan")

    def test_plan_is_something_else(self):
        shutil.copy(MODEL, self.plan)
        self.refused("adder.plan")

    # The weights.
    def test_weights_missing(self):
        os.remove(self.weights)
        self.refused("adder.weights")

    def test_weights_altered(self):
        for offset in (0, 20, 5000, -1):
            shutil.copy(self.plan_made[:-5] + ".weights", self.weights)
            self.damage(self.weights, offset)
            self.refused("adder.weights")

    def test_weights_truncated(self):
        size = os.path.getsize(self.weights)
        for keep in (0, 16, size // 2, size - 1):
            shutil.copy(self.plan_made[:-5] + ".weights", self.weights)
            self.cut(self.weights, keep)
            self.refused("adder.weights")

    def test_weights_of_another_plan(self):
        self.refused("model.weights", args=(
            "--weights", self.other_plan[:-5] + ".weights"))

    # The inputs.
    def test_input_missing(self):
        self.inputs = {}
        os.mkdir(self.at("in"))
        self.refused("input_ids")

    def test_input_dir_missing(self):
        os.symlink(self.at("nowhere"), self.at("in"))
        self.refused("/in")

    def test_input_of_wrong_shape(self):
        self.inputs["input_ids"] = self.inputs["input_ids"][:, :9]
        self.refused("input_ids", "1x9", "1x12")

    def test_input_of_wrong_rank(self):
        self.inputs["input_ids"] = self.inputs["input_ids"][0]
        self.refused("input_ids")

    def test_input_of_wrong_type(self):
        self.inputs["input_ids"] = self.inputs["input_ids"] + 0.5
        self.refused("input_ids")

    def test_id_out_of_vocabulary(self):
        for bad in (16, -1, 1 << 40):
            self.inputs["input_ids"][0, 3] = bad
            support.save_dir(self.at("in"), self.inputs)
            self.refused("input_ids", str(bad))

    def test_bound_input_differs(self):
        mask = np.load(f"{ADDER}/inputs/attention_mask.npy")
        mask[0, 0] = 0
        self.inputs["attention_mask"] = mask
        self.refused("attention_mask")

    def test_input_file_damaged(self):
        support.save_dir(self.at("in"), self.inputs)
        path = self.at("in", "input_ids.npy")
        size = os.path.getsize(path)
        for keep in (0, 5, 40, size - 1):
            support.save_dir(self.at("in"), self.inputs)
            self.cut(path, keep)
            self.refused("input_ids.npy")

    def test_named_input_unknown(self):
        self.refused("stranger", args=("--input", "stranger=x.npy"))

    def test_output_dir_is_a_file(self):
        support.save_dir(self.at("in"), self.inputs)
        open(self.at("file"), "w").close()
        for tool, command in (("mpcrun", "local"), ("mpcc", "emulate")):
            done = self.tool(tool, command, self.plan, "--input-dir",
                             self.at("in"), "--output-dir", self.at("file"),
                             status=1)
            self.assertIn("file", done.stderr)

    # The model.
    def test_model_missing(self):
        self.not_compiled("nowhere.onnx", "nowhere.onnx")

    def test_model_is_no_onnx(self):
        shutil.copy(self.plan, self.at("plan.onnx"))
        self.not_compiled(self.at("plan.onnx"), "plan.onnx")

    def test_model_truncated(self):
        shutil.copy(MODEL, self.at("cut.onnx"))
        self.cut(self.at("cut.onnx"), os.path.getsize(MODEL) // 2)
        self.not_compiled(self.at("cut.onnx"), "cut.onnx")

    def test_unbound_dimensions_are_listed(self):
        self.not_compiled(MODEL, "batch_size", "sequence_length")

    def test_every_unsupported_node_is_listed(self):
        try:
            import onnx
        except ImportError:
            self.skipTest("python3-onnx is not installed")
        node = onnx.helper.make_node
        value = [onnx.helper.make_tensor_value_info(
            name, onnx.TensorProto.FLOAT, [2, 3]) for name in "ad"]
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph(
            [node("Teleport", ["a"], ["b"], name="/first"),
             node("Relu", ["b"], ["c"], name="/good"),
             node("Unravel", ["c"], ["d"], name="/second")],
            "g", value[:1], value[1:])), self.at("odd.onnx"))
        done = self.mpcc("check", self.at("odd.onnx"), status=1)
        told = done.stdout + done.stderr
        for word in ("/first", "Teleport", "/second", "Unravel", "odd.onnx"):
            self.assertIn(word, told)
        self.assertNotIn("/good", told)
        self.not_compiled(self.at("odd.onnx"), "/first", "Teleport")

    def test_bound_name_unknown(self):
        self.not_compiled(
            MODEL, "stranger", args=(
                "--shape", "input_ids=1x12", "--bind",
                f"stranger={ADDER}/inputs/input_ids.npy"))

    def test_sample_dir_missing(self):
        self.not_compiled(MODEL, "nowhere", args=(
            "--calibrate", self.at("nowhere")))

    def not_compiled(self, model, *words, args=()):
        done = self.mpcc("compile", model, "-o", self.at("new.plan"), *args,
                         status=1)
        self.assertIn("error:", done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(os.path.exists(self.at("new.plan")))
        self.assertFalse(os.path.exists(self.at("new.weights")))

    # Usage.
    def test_usage(self):
        out = self.at("out")
        for command in (
                "mpcrun", "mpcrun nothing", "mpcrun local",
                f"mpcrun local {self.plan}",
                f"mpcrun local --output-dir {out}",
                f"mpcrun local {self.plan} --output-dir {out} --seed 1",
                f"mpcrun local {self.plan} --output-dir {out} --threads 0",
                f"mpcrun local {self.plan} --output-dir {out} --threads x",
                f"mpcrun local {self.plan} extra --output-dir {out}",
                f"mpcrun local {self.plan} --output-dir {out} --material no",
                f"mpcrun local {self.plan} --output-dir {out} --material-dir .",
                f"mpcrun local {self.plan} --output-dir {out} --material "
                "stored --material-dir /nonexistent",
                "mpcc", "mpcc nothing", "mpcc compile", "mpcc emulate",
                f"mpcc emulate {self.plan}", f"mpcc cost {self.plan} --jso",
                f"mpcc compile {MODEL} -o {out} --frac-bits 99"):
            done = self.tool(*command.split(), status=2)
            self.assertNotEqual(done.stderr, "", command)
            self.assertFalse(os.path.exists(out), command)

    def test_help_and_version(self):
        for command in ("mpcrun --help", "mpcrun local --help", "mpcc --help",
                        "mpcc compile --help", "mpcc emulate --help"):
            done = self.tool(*command.split())
            self.assertIn("xample", done.stdout, command)
        for tool in ("mpcc", "mpcrun"):
            self.assertIn("0.", self.tool(tool, "--version").stdout)


class BadFloats(ToolTest):
    """Float inputs: NaN, infinity, values beyond the declared range."""

    def test_refused(self):
        model = os.path.join(support.SHARED, "zoo", "vit_imgcls")
        if not os.path.isdir(model):
            self.skipTest(f"no models in {support.SHARED}")
        plan = self.compile(os.path.join(model, "model.onnx"), model)
        good = support.load_dir(os.path.join(model, "inputs"))
        for bad in (np.nan, np.inf, -np.inf, 1e9):
            arrays = {k: v.copy() for k, v in good.items()}
            arrays["pixel_values"].flat[7] = bad
            support.save_dir(self.at("in"), arrays)
            for tool, command in (("mpcrun", "local"), ("mpcc", "emulate")):
                done = self.tool(tool, command, plan, "--input-dir",
                                 self.at("in"), "--output-dir",
                                 self.at("out"), status=1)
                self.assertIn("pixel_values", done.stderr)
                self.assertFalse(os.path.exists(self.at("out")))
