"""cost under profiles, explain, the annotated graph, paths checked early."""
import json
import os
import unittest

import numpy as np
import onnx

import onnx_writer
import support
from support import ADDER, ToolTest

PROFILES = ("loopback", "lan", "wan")
MODEL = os.path.join(ADDER, "model.onnx")
OPTIONS = ("--bind", f"attention_mask={ADDER}/inputs/attention_mask.npy",
           "--bind", f"position_ids={ADDER}/inputs/position_ids.npy",
           "--calibrate", f"{ADDER}/calibration/0")


class Network(ToolTest):
    """A plan made for a network is the best one there."""

    def seconds(self, plan, profile):
        cost = json.loads(self.mpcc("cost", plan, "--network", profile,
                                    "--json").stdout)
        self.assertEqual(cost["network"], profile)
        self.assertAlmostEqual(cost["wall_s"], cost["offline"]["seconds"]
                               + cost["online"]["seconds"])
        for phase in ("offline", "online"):
            self.assertAlmostEqual(
                cost[phase]["seconds"],
                sum(n[phase]["seconds"] for n in cost["nodes"]))
        return cost["wall_s"], cost

    def check_profiles(self, model, *options):
        """Returns {made for: cost there}."""
        plans = {}
        for made in PROFILES:
            plans[made] = self.at(made + ".plan")
            self.mpcc("compile", model, "-o", plans[made], "--network", made,
                      *options)
        for used in PROFILES:
            best = self.seconds(plans[used], used)[0]
            for made in PROFILES:
                self.assertLessEqual(
                    best, self.seconds(plans[made], used)[0] * 1.01,
                    f"on {used}, the plan for {made} is faster than its own")
        return {p: self.seconds(plans[p], p)[1] for p in PROFILES}

    def test_adder(self):
        costs = self.check_profiles(MODEL, *OPTIONS)
        self.assertLessEqual(costs["wan"]["online"]["rounds"],
                             costs["lan"]["online"]["rounds"])

    def test_softmax(self):
        # Many rows: a round is worth less than six comparisons at once where
        # the network is fast.
        x = np.random.default_rng(1).uniform(-4, 4, (4096, 64))
        x = x.astype(np.float32)
        folder = self.at("samples")
        support.save_dir(folder, {"x": x})
        with open(self.at("softmax.onnx"), "wb") as file:
            file.write(onnx_writer.one_node(
                "Softmax", 13, "", [("x", x)], (), ["y"], {"axis": -1}))
        costs = self.check_profiles(self.at("softmax.onnx"), "--calibrate",
                                    folder)
        rounds = {p: c["online"]["rounds"] for p, c in costs.items()}
        dealt = {p: sum(c["offline"]["bytes"].values())
                 for p, c in costs.items()}
        self.assertLess(rounds["wan"], rounds["loopback"])
        self.assertLess(dealt["loopback"], dealt["wan"])
        self.note = f"rounds {rounds}"

    def test_memory_and_work_are_there(self):
        plan = self.compile(MODEL, ADDER)
        _, cost = self.seconds(plan, "lan")
        self.assertEqual(set(cost["peak_rss_bytes"]), {"p0", "p1", "p2"})
        self.assertGreater(cost["peak_rss_bytes"]["p2"], 1e6)
        self.assertGreater(cost["work"]["evaluator_online"]["mac_u64"]
                           + cost["work"]["evaluator_online"]["mac_u32"], 0)


class Explain(ToolTest):
    def explain(self, *nodes, status=0):
        return self.tool("mpcc", "explain", MODEL, *nodes, *OPTIONS,
                         status=status)

    def test_every_node_has_an_answer(self):
        names = [n.name for n in onnx.load(MODEL).graph.node]
        text = self.explain(*names).stdout
        blocks = text.split("\n\n")
        self.assertEqual(
            sum(b.split(" (")[0].strip() in names for b in blocks
                if b.strip()), len(names), text[:2000])

    def test_levels_bits_cost(self):
        cost = json.loads(self.mpcc("cost", self.compile(
            MODEL, ADDER, [f"{ADDER}/calibration/0"]), "--json").stdout)
        node = max(cost["nodes"], key=lambda n: n["online"]["gemm_macs"])
        text = self.explain(node["node"]).stdout
        for part in ("import\n", "fixed\n", "share\n", "plan\n", "bits\n",
                     "cost (profile loopback)", "share.matmul", "matmul %",
                     f"in {node['online']['rounds']} rounds"):
            self.assertIn(part, text)

    def test_approximation_says_its_error(self):
        report = self.mpcc("compile", MODEL, *OPTIONS, "--compile-to=fixed")
        lines = [l for l in report.stdout.splitlines()
                 if "fixed.fourier" in l or "fixed.spline" in l]
        node = lines[0].rsplit('loc("', 1)[1].split('"')[0]
        text = self.explain(node).stdout
        self.assertIn("\napproximation\n", text)
        error = float(text.split("largest error ")[1].split()[0])
        self.assertLess(error, 1e-3)
        self.assertGreater(error, 0)

    def test_folded_and_fused_nodes_say_where_they_are(self):
        names = [n.name for n in onnx.load(MODEL).graph.node]
        text = self.explain(*names).stdout
        self.assertIn("its value is known at compile time", text)
        self.assertRegex(text, r"after fuse-univariate \(.*\) none of its ops "
                               r"is left;\n    it is part of /")

    def test_unknown_node(self):
        done = self.explain("/m/model/layers.0/mlp/ct_fn/Mul", status=1)
        self.assertIn("error: no node '/m/model/layers.0/mlp/ct_fn/Mul'; the "
                      "closest are:\n  /m/model/layers.0/mlp/act_fn/Mul\n",
                      done.stderr)
        self.assertEqual(done.stdout, "")


class Annotated(ToolTest):
    def test_valid_small_and_told(self):
        out = self.at("seen.onnx")
        self.mpcc("compile", MODEL, "-o", self.at("x.plan"), "--annotate", out,
                  "--network", "lan", *OPTIONS)
        graph = onnx.load(out).graph
        onnx.checker.check_model(onnx.load(out))
        before = onnx.load(MODEL).graph
        self.assertEqual([n.name for n in graph.node],
                         [n.name for n in before.node])
        self.assertEqual([o.name for o in graph.output],
                         [o.name for o in before.output])
        # No weights; every one is an input now.
        floats = {t.name for t in before.initializer if t.data_type == 1}
        self.assertFalse(floats & {t.name for t in graph.initializer})
        self.assertLessEqual(floats, {i.name for i in graph.input})
        self.assertLess(os.path.getsize(out), 1 << 20)
        docs = "".join(n.doc_string for n in graph.node)
        for part in ("rounds: ", "online: ", "bits: ring ", "approximation: ",
                     "part_of: ", "free: "):
            self.assertIn(part, docs)
        self.assertTrue(all(n.doc_string for n in graph.node))
        self.assertIn("profile: lan", onnx.load(out).doc_string)
        shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
                  for v in graph.value_info}
        self.assertTrue(any(12 in s for s in shapes.values()))

    def test_needs_the_whole_plan(self):
        self.tool("mpcc", "compile", MODEL, "--compile-to=fixed", "--annotate",
                  self.at("a.onnx"), *OPTIONS, status=2)


class Early(ToolTest):
    """A path that cannot be written fails before the work."""

    def test_paths(self):
        plan = self.compile(MODEL, ADDER)
        out = self.at("out")
        run = ("local", plan, "--input-dir", f"{ADDER}/inputs",
               "--output-dir")
        done = self.mpcrun(*run, out, "--stats", self.at("no/s.json"),
                           status=1)
        self.assertIn("--stats: error:", done.stderr)
        self.assertIn("there is no directory", done.stderr)
        self.assertFalse(os.path.exists(out))
        done = self.mpcrun(*run, "", status=1)
        self.assertIn("--output-dir: error: the name of the output directory "
                      "is empty", done.stderr)
        done = self.mpcrun(*run, plan, status=1)
        self.assertIn("is not a directory", done.stderr)
        done = self.mpcc("emulate", plan, "--input-dir", f"{ADDER}/inputs",
                         "--output-dir", "", status=1)
        self.assertIn("the output directory is empty", done.stderr)
        for option in ("--report", "--annotate"):
            done = self.mpcc("compile", MODEL, "-o", self.at("y.plan"), option,
                             self.at("no/file"), *OPTIONS, status=1)
            self.assertIn("there is no directory", done.stderr)
            self.assertFalse(os.path.exists(self.at("y.plan")))


if __name__ == "__main__":
    unittest.main()
