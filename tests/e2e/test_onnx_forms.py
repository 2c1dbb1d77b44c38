"""Operators in the forms that ONNX's node tests do not have: opsets 18 to 24 and
the fused operators of com.microsoft, each against numpy."""
import math
import shutil

import numpy as np

import support
from onnx_writer import one_node
from support import ToolTest

MS = "com.microsoft"
erf = np.vectorize(math.erf)


def rnd(*shape, seed=0, scale=1.0):
    rng = np.random.default_rng([seed, *shape])
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi)
                                  * (x + 0.044715 * x ** 3)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x, eps):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + eps)


def rms_norm(x, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def heads(x, h):
    b, s, w = x.shape
    return x.reshape(b, s, h, w // h).transpose(0, 2, 1, 3)


def join(x):
    b, h, s, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(b, s, h * d)


def attend(q, k, v, keep=None, bias=0, scale=None, softcap=0):
    k, v = (np.repeat(a, q.shape[1] // a.shape[1], 1) for a in (k, v))
    s = q @ k.swapaxes(2, 3) * (scale or 1 / math.sqrt(q.shape[3]))
    if softcap:
        s = np.tanh(s / softcap) * softcap
    s = s + bias
    if keep is not None:
        s = np.where(keep, s, -3.4e38)
    return softmax(s) @ v


def causal(rows, columns):
    return np.tri(rows, columns, columns - rows, dtype=bool)


def rotate(x, c, s, interleaved=False):
    """x [B, H, S, D], c and s [B or 1, 1, S, half]."""
    half = c.shape[-1]
    turned, rest = x[..., :2 * half], x[..., 2 * half:]
    a, b = ((turned[..., ::2], turned[..., 1::2]) if interleaved else
            (turned[..., :half], turned[..., half:]))
    re, im = a * c - b * s, b * c + a * s
    y = (np.stack([re, im], -1).reshape(turned.shape) if interleaved else
         np.concatenate([re, im], -1))
    return np.concatenate([y, rest], -1)


def angles(positions, half):
    t = np.arange(positions)[:, None] * 0.3 ** np.arange(half)
    return np.cos(t).astype(np.float32), np.sin(t).astype(np.float32)


class OnnxForms(ToolTest):
    def check(self, op, opset, inputs, wants, attributes=None, domain="",
              bound=(), weights=(), tolerance=0.01):
        """inputs: arrays or None, named x0, x1, ...; wants: arrays or None."""
        named = [(f"x{i}", a) for i, a in enumerate(inputs)]
        outs = [f"y{i}" if w is not None else "" for i, w in enumerate(wants)]
        model = self.at("model.onnx")
        with open(model, "wb") as file:
            file.write(one_node(op, opset, domain, named,
                                [f"x{i}" for i in weights], outs,
                                attributes or {}))
        given = {n: a for i, (n, a) in enumerate(named)
                 if a is not None and i not in weights}
        support.save_dir(self.at("in"), given)
        secret = {n: a for n, a in given.items() if int(n[1:]) not in bound}
        self.assertTrue(secret)
        for i in range(2):
            support.save_dir(self.at(f"sample{i}"),
                             {**given, **support.another_sample(secret, i)})
        args = [x for i in range(2) for x in ("--calibrate", self.at(f"sample{i}"))]
        for i in bound:
            args += ["--bind", f"x{i}={self.at('in')}/x{i}.npy"]
        self.mpcc("compile", model, "-o", self.at("m.plan"), *args)
        self.mpcc("emulate", self.at("m.plan"), "--input-dir", self.at("in"),
                  "--output-dir", self.at("out"))
        got = support.load_dir(self.at("out"))
        for name, want in zip(outs, wants):
            if want is None:
                continue
            self.assertEqual(got[name].shape, want.shape)
            if want.dtype.kind in "ib":
                self.assertTrue((got[name] == want).all(), op)
            else:
                error = abs(got[name] - want) - tolerance * abs(want)
                self.assertLessEqual(error.max(), tolerance, op)
        for folder in ("in", "out", "sample0", "sample1"):
            shutil.rmtree(self.at(folder))

    # --- opsets 18 to 24 -----------------------------------------------------

    def test_activations(self):
        x = rnd(3, 8, scale=2)
        self.check("Gelu", 20, [x], [gelu(x)])
        self.check("Gelu", 20, [x], [gelu_tanh(x)], {"approximate": "tanh"})
        self.check("Mish", 18, [x], [x * np.tanh(np.log1p(np.exp(x)))])
        self.check("Swish", 24, [x], [x * sigmoid(x)])
        self.check("Swish", 24, [x], [x * sigmoid(1.7 * x)], {"alpha": 1.7})

    def test_normalizations(self):
        x, w = rnd(2, 3, 16), rnd(16, seed=1)
        self.check("RMSNormalization", 23, [x, w], [rms_norm(x, 1e-5) * w],
                   {"epsilon": 1e-5}, weights=(1,))
        self.check("SimplifiedLayerNormalization", 21, [x, w],
                   [rms_norm(x, 1e-5) * w], {"epsilon": 1e-5}, weights=(1,))
        x = rnd(2, 4, 3, 3)
        y = layer_norm(x.reshape(2, 2, 18), 1e-5).reshape(x.shape)
        each, group = rnd(4, seed=2), rnd(2, seed=3)
        self.check("GroupNormalization", 21, [x, each, each],
                   [y * each[:, None, None] + each[:, None, None]],
                   {"num_groups": 2}, weights=(1, 2))
        wide = np.repeat(group, 2)[:, None, None]
        self.check("GroupNormalization", 18, [x, group, group],
                   [y * wide + wide], {"num_groups": 2}, weights=(1, 2))

    def test_reductions(self):
        x, axes = rnd(2, 3, 4), np.array([1, 2])
        self.check("ReduceMax", 18, [x, axes], [x.max((1, 2))],
                   {"keepdims": 0}, bound=(1,))
        self.check("ReduceMean", 18, [x, axes], [x.mean((1, 2), keepdims=True)],
                   bound=(1,))
        self.check("ReduceL2", 18, [x, axes],
                   [np.sqrt((x * x).sum((1, 2)))], {"keepdims": 0}, bound=(1,))
        self.check("ReduceProd", 18, [x, np.array([2])], [x.prod(2)],
                   {"keepdims": 0}, bound=(1,))
        self.check("ReduceSum", 18, [x], [x], {"noop_with_empty_axes": 1})

    def test_movement(self):
        x = rnd(2, 7)
        self.check("Split", 18, [x], [x[:, :3], x[:, 3:6], x[:, 6:]],
                   {"axis": 1, "num_outputs": 3})
        self.check("Pad", 19, [x, np.array([2, 1]), None, np.array([1])],
                   [np.pad(x, ((0, 0), (2, 1)), "wrap")], {"mode": "wrap"},
                   bound=(1, 3))
        self.check("Pad", 18, [x, np.array([0, 3, 0, 2])],
                   [np.pad(x, ((0, 0), (3, 2)), "reflect")],
                   {"mode": "reflect"}, bound=(1,))
        at, u = np.array([[0, 3], [1, 1]]), rnd(2, 2, seed=1)
        want = x.copy()
        for i, j in np.ndindex(2, 2):
            want[i, at[i, j]] = max(want[i, at[i, j]], u[i, j])
        self.check("ScatterElements", 18, [x, at, u], [want],
                   {"axis": 1, "reduction": "max"}, bound=(1,))
        want = x.copy()
        want[1] = np.minimum(want[1], rnd(7, seed=2))
        self.check("ScatterND", 18, [x, np.array([[1]]), rnd(7, seed=2)[None]],
                   [want], {"reduction": "min"}, bound=(1,))
        image = rnd(1, 2, 3, 4)
        self.check("Resize", 18, [image, None, None, np.array([6, 8])],
                   [image.repeat(2, 2).repeat(2, 3)],
                   {"axes": [2, 3], "mode": "nearest"}, bound=(3,))

    def test_indices(self):
        x = rnd(3, 6)
        order = np.argsort(-x, 1)[:, :3]
        self.check("TopK", 24, [x, np.array([3])],
                   [np.take_along_axis(x, order, 1), order], bound=(1,))
        # Block after block, with many that are equal: the first ones count.
        x = np.round(rnd(2, 150) * 8) / 8
        order = np.argsort(x, 1, kind="stable")[:, :3]
        self.check("TopK", 24, [x, np.array([3])],
                   [np.take_along_axis(x, order, 1), order], {"largest": 0},
                   bound=(1,))
        x = rnd(3, 6)
        table, ids = rnd(3, 5), np.array([4, 0, 2])
        self.check("Gather", 21, [table, ids], [table[:, ids]], {"axis": 1})
        self.check("ArgMax", 18, [x], [x.argmax(1)], {"axis": 1, "keepdims": 0})

    def test_products(self):
        a, b, c = rnd(2, 3, 4), rnd(2, 4, 5, seed=1), rnd(5, 2, seed=2)
        self.check("Einsum", 18, [a, b], [a @ b],
                   {"equation": "...ij,...jk->...ik"})
        self.check("Einsum", 18, [a, b, c],
                   [np.einsum("bij,bjk,kl->bil", a, b, c)],
                   {"equation": "bij,bjk,kl->bil"})
        q = np.arange(-10, 10, dtype=np.int8).reshape(4, 5)
        scale = abs(rnd(5, seed=3)) + 0.1
        self.check("DequantizeLinear", 21,
                   [q.astype(np.int64), scale], [q * scale], {"axis": 1})

    def test_rotary_embedding(self):
        x, (c, s) = rnd(2, 3, 5, 8), angles(12, 4)
        at = np.array([[0, 1, 2, 3, 4], [3, 4, 5, 6, 7]])
        want = rotate(x, c[at][:, None], s[at][:, None])
        self.check("RotaryEmbedding", 23, [x, c, s, at], [want], bound=(3,))
        self.check("RotaryEmbedding", 23, [x, c, s, at], [want])
        flat = join(x)
        self.check("RotaryEmbedding", 23, [flat, c[at][..., :2], s[at][..., :2]],
                   [join(rotate(x, c[at][:, None, :, :2], s[at][:, None, :, :2],
                                True))],
                   {"interleaved": 1, "num_heads": 3,
                    "rotary_embedding_dim": 4}, weights=(1, 2))

    def test_attention(self):
        q, k, v = (rnd(2, 4, 5, 8, seed=i) for i in range(3))
        self.check("Attention", 23, [q, k, v], [attend(q, k, v)])
        mask = np.random.default_rng(5).random((5, 5)) < 0.6
        mask[:, 0] = True
        self.check("Attention", 23, [q, k, v, mask], [attend(q, k, v, mask)],
                   bound=(3,))
        self.check("Attention", 23, [q, k, v, mask], [attend(q, k, v, mask)])
        bias = rnd(1, 4, 5, 5, seed=7)
        self.check("Attention", 23, [q, k, v, bias],
                   [attend(q, k, v, bias=bias, scale=0.2)], {"scale": 0.2})
        self.check("Attention", 23, [q, k, v],
                   [attend(q, k, v, softcap=3.0)], {"softcap": 3.0})
        kf, vf = rnd(2, 5, 16, seed=8), rnd(2, 5, 16, seed=9)
        want = attend(q, heads(kf, 2), heads(vf, 2), causal(5, 5))
        self.check("Attention", 24, [join(q), kf, vf], [join(want)],
                   {"is_causal": 1, "q_num_heads": 4, "kv_num_heads": 2})
        pk, pv = rnd(2, 4, 3, 8, seed=10), rnd(2, 4, 3, 8, seed=11)
        ak, av = np.concatenate([pk, k], 2), np.concatenate([pv, v], 2)
        self.check("Attention", 23, [q, k, v, None, pk, pv],
                   [attend(q, ak, av, causal(5, 8)), ak, av], {"is_causal": 1})

    # --- com.microsoft -------------------------------------------------------

    def test_fused_activations(self):
        x, b = rnd(2, 3, 8, scale=2), rnd(8, seed=1)
        self.check("BiasGelu", 17, [x, b], [gelu(x + b)], domain=MS,
                   weights=(1,))
        self.check("FastGelu", 17, [x, b], [gelu_tanh(x + b)], domain=MS,
                   weights=(1,))
        self.check("FastGelu", 17, [x], [gelu_tanh(x)], domain=MS)
        self.check("QuickGelu", 17, [x], [x * sigmoid(1.702 * x)],
                   {"alpha": 1.702}, domain=MS)
        self.check("Gelu", 17, [x], [gelu(x)], domain=MS)

    def test_fused_normalizations(self):
        x, y = rnd(2, 3, 16), rnd(2, 3, 16, seed=1)
        g, b, c = (rnd(16, seed=i) for i in (2, 3, 4))
        self.check("SkipLayerNormalization", 17, [x, y, g, b, c],
                   [layer_norm(x + y + c, 1e-5) * g + b, None, None, x + y + c],
                   {"epsilon": 1e-5}, domain=MS, weights=(2, 3, 4))
        self.check("SkipSimplifiedLayerNormalization", 17, [x, y, g],
                   [rms_norm(x + y, 1e-5) * g, None, None, x + y],
                   {"epsilon": 1e-5}, domain=MS, weights=(2,))
        word, pos, seg = (rnd(n, 16, seed=n) for n in (20, 6, 2))
        ids = np.array([[3, 0, 19, 7], [5, 5, 1, 2]], np.int32)
        kind = np.array([[0, 0, 1, 1], [0, 1, 1, 1]], np.int32)
        total = word[ids] + pos[:4] + seg[kind]
        self.check("EmbedLayerNormalization", 17,
                   [ids, kind, word, pos, seg, g, b],
                   [layer_norm(total, 1e-5) * g + b], {"epsilon": 1e-5},
                   domain=MS, weights=(2, 3, 4, 5, 6))

    def test_fused_products(self):
        a, b = rnd(2, 4, 3), rnd(2, 5, 4, seed=1)
        self.check("FusedMatMul", 17, [a, b],
                   [0.5 * a.swapaxes(1, 2) @ b.swapaxes(1, 2)],
                   {"transA": 1, "transB": 1, "alpha": 0.5}, domain=MS)

    def test_fused_attention(self):
        x, w, b = rnd(2, 5, 8), rnd(8, 24, seed=1, scale=0.4), rnd(24, seed=2)
        q, k, v = (heads(p, 2) for p in np.split(x @ w + b, 3, 2))
        mask = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]], np.int32)
        keep = mask[:, None, None] != 0
        want = join(attend(q, k, v, keep))
        for bound in ((3,), ()):
            self.check("Attention", 17, [x, w, b, mask], [want],
                       {"num_heads": 2}, domain=MS, weights=(1, 2), bound=bound)
        self.check("Attention", 17, [x, w, b],
                   [join(attend(q, k, v, causal(5, 5)))],
                   {"num_heads": 2, "unidirectional": 1}, domain=MS,
                   weights=(1, 2))
        q, k, v = (rnd(2, 5, 8, seed=i) for i in (3, 4, 5))
        split = [heads(p + c, 2) for p, c in zip((q, k, v), np.split(b, 3))]
        self.check("MultiHeadAttention", 17, [q, k, v, b, mask],
                   [join(attend(*split, keep))], {"num_heads": 2}, domain=MS,
                   weights=(3,))

    def test_grouped_query_attention(self):
        c, s = angles(8, 2)
        q, k, v = rnd(2, 5, 16), rnd(2, 5, 8, seed=1), rnd(2, 5, 8, seed=2)
        qh, kh, vh = heads(q, 4), heads(k, 2), heads(v, 2)
        qr, kr = (rotate(a, c[None, None, :5], s[None, None, :5])
                  for a in (qh, kh))
        last = np.array([4, 4], np.int32)
        total = np.array([5], np.int32)
        self.check("GroupQueryAttention", 17,
                   [q, k, v, None, None, last, total, c, s],
                   [join(attend(qr, kr, vh, causal(5, 5))), kr, vh],
                   {"num_heads": 4, "kv_num_heads": 2, "do_rotary": 1},
                   domain=MS, bound=(5, 6), weights=(7, 8))
        at = np.array([[0, 1, 2, 3, 4], [2, 3, 4, 5, 6]])
        self.check("RotaryEmbedding", 17, [q, at, c, s],
                   [join(rotate(qh, c[at][:, None], s[at][:, None]))],
                   {"num_heads": 4}, domain=MS, bound=(1,), weights=(2, 3))
