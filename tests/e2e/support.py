"""What the end-to-end tests share: tools, samples, comparison, statistics."""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TOOLS = os.path.join(ROOT, "build", "tools")
ADDER = os.path.join(ROOT, "models", "adder")
# Real exports with goldens; they lie beside the project, never in it.
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "models")

# Known when a plan is compiled; everything else is secret.
BOUND = ("attention_mask", "position_ids", "decoder_attention_mask",
         "encoder_attention_mask")
MAX_ERROR, MEAN_ERROR = 0.05, 0.01
CLEAR_GAP = 0.1  # argmax is asked where the golden's two best are this apart

LINKS = ("p1_p2", "p2_p1", "client_p1", "client_p2", "p1_client", "p2_client")
LIMIT_S = 300
SEEDS = (1, 2, 3, 4)  # of the emulator's coins: a rare wrap shows in some only


def name_of(test):
    """unittest's id, shorter: models.Adder.local_case1."""
    return test.id().replace("test_", "")


def load_dir(directory):
    return {os.path.basename(f)[:-4]: np.load(f)
            for f in sorted(glob.glob(os.path.join(directory, "*.npy")))}


def save_dir(directory, arrays):
    os.makedirs(directory, exist_ok=True)
    for name, array in arrays.items():
        np.save(os.path.join(directory, name + ".npy"), array)


def samples_of(model_dir):
    """[(name, folder)]: the sample in the model's folder, then case1, ..."""
    cases = [("inputs", model_dir)]
    cases += [(os.path.basename(c), c)
              for c in sorted(glob.glob(os.path.join(model_dir, "case*")))]
    return [(n, c) for n, c in cases
            if os.path.isdir(os.path.join(c, "inputs"))
            and os.path.isdir(os.path.join(c, "outputs"))]


def another_sample(arrays, seed=3):
    """Inputs of the same shapes that are not the tested ones: ids permuted,
    floats permuted and somewhat smaller, masks and positions kept."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, x in sorted(arrays.items()):
        if name not in BOUND:
            mixed = rng.permutation(x.ravel()).reshape(x.shape)
            scale = 0.9 if x.dtype.kind == "f" else 1
            x = (mixed * scale).astype(x.dtype)
        out[name] = x
    return out


class ToolTest(unittest.TestCase):
    """A test with a scratch folder that calls the tools."""

    maxDiff = None

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="mpcc-e2e-")
        self.addCleanup(shutil.rmtree, self.scratch)
        self.note = self.traffic = ""

    def at(self, *parts):
        """A path in the scratch folder."""
        return os.path.join(self.scratch, *parts)

    def tool(self, tool, *args, status=0):
        """Runs it; fails unless it ends with the status."""
        command = [os.path.join(TOOLS, tool), *map(str, args)]
        try:
            done = subprocess.run(command, capture_output=True, text=True,
                                  timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.fail(f"{' '.join(command)}\nno end after {LIMIT_S} s")
        if done.returncode != status:
            self.fail(f"{' '.join(command)}\nexit status {done.returncode}, "
                      f"expected {status}\n{done.stdout}{done.stderr}")
        return done

    def mpcc(self, *args, **kwargs):
        return self.tool("mpcc", *args, **kwargs)

    def mpcrun(self, *args, **kwargs):
        return self.tool("mpcrun", *args, **kwargs)

    @classmethod
    def compile_for_class(cls, model, sample):
        """compile(), in a scratch folder that lives as long as the class."""
        maker = ToolTest()
        maker.setUp()
        cls.addClassCleanup(maker.doCleanups)
        return maker.compile(model, sample)

    def compile(self, model, sample, calibrate=None, flags=()):
        """Compiles for a sample's shapes with its masks and positions bound;
        returns the plan's path. calibrate: folders, or another sample is
        made."""
        inputs = os.path.join(sample, "inputs")
        arrays = load_dir(inputs)
        if calibrate is None:
            calibrate = [self.at("calibration")]
            save_dir(calibrate[0], another_sample(arrays))
        args = [x for d in calibrate for x in ("--calibrate", d)]
        for name in arrays:
            if name in BOUND:
                args += ["--bind", f"{name}={inputs}/{name}.npy"]
        plan = self.at("model.plan")
        self.mpcc("compile", model, "-o", plan, *args, *flags)
        return plan

    def emulate(self, plan, sample):
        """Checks the outputs for several seeds of the roundings' coins. The
        calibration sample is another one: some models leave its ranges."""
        for seed in SEEDS:
            self.mpcc("emulate", plan, "--input-dir", f"{sample}/inputs",
                      "--output-dir", self.at("out"), "--seed", seed,
                      "--allow-out-of-range")
            self.check_outputs(load_dir(self.at("out")), sample,
                               f"seed {seed}: ")

    def local(self, plan, sample):
        """Runs three processes; checks the outputs and what they measured."""
        self.mpcrun("local", plan, "--input-dir", f"{sample}/inputs",
                    "--output-dir", self.at("out"), "--stats",
                    self.at("stats.json"))
        with open(self.at("stats.json")) as file:
            self.check_stats(plan, json.load(file))
        if os.path.isdir(os.path.join(sample, "outputs")):
            self.check_outputs(load_dir(self.at("out")), sample)

    def check_stats(self, plan, stats):
        """Every key is there; measured equals declared on each link."""
        self.assertEqual(set(stats), {"wall_s", "setup_s", "session",
                                      "offline", "online", "wire_bytes",
                                      "peak_rss_bytes",
                                      "peak_rss_predicted_bytes", "ops",
                                      "cpu_s"})
        offline, online = stats["offline"], stats["online"]
        self.assertEqual(set(offline), {"seconds", "bytes", "gemm_macs"})
        self.assertEqual(set(online), {"seconds", "rounds", "bytes"})
        self.assertEqual(set(offline["bytes"]), {"p0_p1", "p0_p2"})
        self.assertEqual(set(online["bytes"]), set(LINKS))
        self.assertEqual(set(stats["wire_bytes"]),
                         set(LINKS) | {"p0_p1", "p0_p2"})
        self.assertEqual(set(stats["peak_rss_bytes"]), {"p0", "p1", "p2"})

        cost = json.loads(self.mpcc("cost", plan, "--json").stdout)
        self.assertEqual(stats["session"], cost["session"])
        self.assertEqual(online["rounds"], cost["online"]["rounds"])
        self.assertEqual(online["bytes"], cost["online"]["bytes"])
        self.assertEqual(offline["bytes"], cost["offline"]["bytes"])
        self.assertEqual(offline["gemm_macs"], cost["offline"]["gemm_macs"])
        for link, payload in {**online["bytes"], **offline["bytes"]}.items():
            self.assertGreaterEqual(stats["wire_bytes"][link], payload, link)
        for seconds in (stats["wall_s"], stats["setup_s"],
                        offline["seconds"], online["seconds"]):
            self.assertGreater(seconds, 0)
        for party, size in stats["peak_rss_bytes"].items():
            self.assertGreater(size, 1 << 20, party)
        between = online["bytes"]["p1_p2"] + online["bytes"]["p2_p1"]
        self.traffic = (f", {online['rounds']} rounds, "
                        f"{between / 1e6:.2f} MB online")

    def check_outputs(self, outputs, sample, which=""):
        """Against the goldens: error bounds, and argmax where it is clear."""
        goldens = load_dir(os.path.join(sample, "outputs"))
        self.assertTrue(goldens)
        self.assertEqual(set(outputs), set(goldens))
        worst = mean = 0.0
        close = 0
        for name, golden in goldens.items():
            out = outputs[name]
            self.assertEqual(out.shape, golden.shape, name)
            self.assertEqual(out.dtype, np.float32, name)
            self.assertTrue(np.isfinite(out).all(), name)
            error = abs(out.astype(np.float64) - golden)
            worst, mean = max(worst, error.max()), max(mean, error.mean())
            if "logits" in name and golden.shape[-1] > 1:
                top = np.sort(golden, -1)
                clear = top[..., -1] - top[..., -2] > CLEAR_GAP
                differ = out.argmax(-1) != golden.argmax(-1)
                self.assertEqual((clear & differ).sum(), 0,
                                 f"{name}: clear argmaxes differ")
                close += int((~clear).sum())
        asked = f" ({close} argmax too close to ask)" if close else ""
        self.note = f"max {worst:.1e} mean {mean:.1e}{asked}{self.traffic}"
        self.assertLessEqual(worst, MAX_ERROR, which + self.note)
        self.assertLessEqual(mean, MEAN_ERROR, which + self.note)
