"""Masks that are bound cost nothing where they are zero."""
import json

import numpy as np

import onnx_writer
import support
from support import ToolTest

HEADS, TOKENS, WIDTH = 12, 32, 64


class MaskedAttention(ToolTest):
    def check(self, mask=None, causal=False, run=True):
        """One attention with that bound mask: right, in no more rounds than
        with all lanes computed. Returns what it costs, and without the mask."""
        rng = np.random.default_rng(1)
        arrays = {n: rng.normal(size=(1, HEADS, TOKENS, WIDTH)).astype(
            np.float32) for n in "qkv"}
        support.save_dir(self.at("in"), arrays)
        live = np.ones((TOKENS, TOKENS), bool)
        if causal:
            live = np.tril(live)
        if mask is not None:
            live &= mask
            np.save(self.at("mask.npy"), mask)
        costs = {}
        for name, flags in {"plain": None, "all": ["pack-scores"],
                            "packed": []}.items():
            masked = flags is not None
            inputs = list(arrays.items())
            args = []
            if masked and mask is not None:
                inputs.append(("mask", mask))
                args = ["--bind", f"mask={self.at('mask.npy')}"]
            with open(self.at("m.onnx"), "wb") as file:
                file.write(onnx_writer.one_node(
                    "Attention", 23, "", inputs, [], ["y"],
                    {"is_causal": int(causal and masked)}))
            for p in flags or []:
                args += ["--disable-pass", p]
            self.mpcc("compile", self.at("m.onnx"), "-o", self.at("m.plan"),
                      "--calibrate", self.at("in"), *args)
            costs[name] = json.loads(
                self.mpcc("cost", self.at("m.plan"), "--json").stdout)
        if run:
            self.mpcrun("local", self.at("m.plan"), "--input-dir",
                        self.at("in"), "--output-dir", self.at("out"),
                        "--stats", self.at("stats.json"))
            with open(self.at("stats.json")) as file:
                self.check_stats(self.at("m.plan"), json.load(file))
        else:
            self.mpcc("emulate", self.at("m.plan"), "--input-dir",
                      self.at("in"), "--output-dir", self.at("out"))
        got = support.load_dir(self.at("out"))["y"]
        error = float(np.max(abs(got - self.attention(arrays, live))))
        self.assertLessEqual(error, 5e-3)
        self.assertLessEqual(self.rounds(costs["packed"]),
                             self.rounds(costs["all"]))
        share = [part(costs["packed"]) / part(costs["plain"])
                 for part in (self.macs, self.bytes)]
        self.note = (f"max {error:.1e}, {np.mean(live):.1%} live, products "
                     f"{share[0]:.1%}, bytes {share[1]:.1%}")
        return share

    @staticmethod
    def attention(a, live):
        scores = a["q"].astype(np.float64) @ np.swapaxes(a["k"], -1, -2)
        scores = scores / np.sqrt(WIDTH)
        scores = np.where(live, scores, -np.inf)
        scores[..., ~live.any(axis=1), :] = 0  # attends uniformly
        p = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return p / p.sum(axis=-1, keepdims=True) @ a["v"]

    @staticmethod
    def rounds(cost):
        return cost["online"]["rounds"]

    @staticmethod
    def macs(cost):
        return cost["online"]["gemm_macs"] + cost["offline"]["gemm_macs"]

    @staticmethod
    def bytes(cost):
        """What P0 deals, and what P1 and P2 exchange: also the context rows,
        which no mask makes fewer."""
        return (sum(cost["offline"]["bytes"].values())
                + cost["online"]["bytes"]["p1_p2"]
                + cost["online"]["bytes"]["p2_p1"])

    def test_causal(self):
        macs, traffic = self.check(causal=True)
        self.assertLessEqual(macs, 0.55)
        # Context rows and operands, which no mask touches, are most of it.
        self.assertLessEqual(traffic, 0.82)

    def test_sliding_window(self):
        i, j = np.indices((TOKENS, TOKENS))
        macs, _ = self.check((j <= i) & (i - j < 4))
        self.assertLessEqual(macs, 0.25)

    def test_padding(self):
        columns = np.arange(TOKENS) < 10
        macs, _ = self.check(np.tile(columns, (TOKENS, 1)))
        self.assertLessEqual(macs, 10 / 32)

    def test_causal_with_padding_on_the_left(self):
        # The first rows see nothing but padding, as in a batch of prompts of
        # different lengths.
        columns = np.arange(TOKENS) >= 20
        macs, _ = self.check(np.tril(np.tile(columns, (TOKENS, 1))) |
                             np.eye(TOKENS, dtype=bool), run=False)
        self.assertLessEqual(macs, 0.2)

    def test_global_token_beside_a_window(self):
        i, j = np.indices((TOKENS, TOKENS))
        macs, _ = self.check((abs(i - j) < 3) | (j == 0), run=False)
        self.assertLessEqual(macs, 0.35)
