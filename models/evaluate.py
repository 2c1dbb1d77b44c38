#!/usr/bin/python3
"""Evaluates an ONNX model in numpy, to check our goldens by a second route.

  evaluate.py MODEL_DIR...      compares every case of each model

A model directory holds model.onnx and cases: itself, and each folder below
it that has inputs/ and outputs/.  Exit 0 if all outputs are within 1e-3 + 1e-4
of magnitude.  Needs python3-onnx and numpy; knows the operators that the
models here use, says so for any other.
"""
import math
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

erf = np.vectorize(math.erf, otypes=[np.float64])


def tensor_type(code):
    return helper.mapping.TENSOR_TYPE_TO_NP_TYPE[code]


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def reshape(x, shape, allow_zero):
    shape = [x.shape[i] if s == 0 and not allow_zero else int(s)
             for i, s in enumerate(shape)]
    return x.reshape(shape)


def slice_(x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    index = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        if step < 0 and end < -x.shape[axis]:
            end = None  # down to and including the first
        index[axis] = slice(start, end, step)
    return x[tuple(index)]


def scatter_nd(x, indices, updates):
    x = x.copy()
    x[tuple(np.moveaxis(indices, -1, 0))] = updates
    return x


def unsqueeze(x, axes):
    rank = x.ndim + len(axes)
    for axis in sorted(int(a) % rank for a in axes):
        x = np.expand_dims(x, axis)
    return x


def divide(a, b):
    if a.dtype.kind != "i":
        return a / b
    quotient = abs(a) // abs(b)  # ONNX integers divide towards zero
    return (np.sign(a) * np.sign(b) * quotient).astype(a.dtype)


def gemm(attrs, a, b, c=0):
    a = a.T if attrs.get("transA") else a
    b = b.T if attrs.get("transB") else b
    return attrs.get("alpha", 1.0) * (a @ b) + attrs.get("beta", 1.0) * c


OPS = {
    "Add": lambda a, x, y: x + y,
    "Cast": lambda a, x: x.astype(tensor_type(a["to"])),
    "Concat": lambda a, *xs: np.concatenate(xs, a["axis"]),
    "Constant": lambda a: a["value"],
    "ConstantOfShape": lambda a, s: np.full(s, a["value"].item(),
                                            a["value"].dtype),
    "Cos": lambda a, x: np.cos(x),
    "Div": lambda a, x, y: divide(x, y),
    "Equal": lambda a, x, y: x == y,
    "Erf": lambda a, x: erf(x),
    "Expand": lambda a, x, s: np.broadcast_to(
        x, np.broadcast_shapes(x.shape, tuple(s))),
    "Gather": lambda a, x, i: np.take(x, i, a.get("axis", 0)),
    "Gemm": gemm,
    "Greater": lambda a, x, y: x > y,
    "Identity": lambda a, x: x,
    "MatMul": lambda a, x, y: x @ y,
    "Mul": lambda a, x, y: x * y,
    "Neg": lambda a, x: -x,
    "Pow": lambda a, x, y: x ** y,
    "Range": lambda a, start, limit, step: np.arange(start, limit, step),
    "ReduceMean": lambda a, x: x.mean(
        tuple(a["axes"]), keepdims=bool(a.get("keepdims", 1))),
    "Relu": lambda a, x: np.maximum(x, 0),
    "Reshape": lambda a, x, s: reshape(x, s, a.get("allowzero", 0)),
    "ScatterND": lambda a, x, i, u: scatter_nd(x, i, u),
    "Shape": lambda a, x: np.array(x.shape, np.int64),
    "Sigmoid": lambda a, x: 1 / (1 + np.exp(-x)),
    "Sin": lambda a, x: np.sin(x),
    "Slice": lambda a, x, *rest: slice_(x, *rest),
    "Softmax": lambda a, x: softmax(x, a.get("axis", -1)),
    "Sqrt": lambda a, x: np.sqrt(x),
    "Tanh": lambda a, x: np.tanh(x),
    "Transpose": lambda a, x: x.transpose(a["perm"]),
    "Trilu": lambda a, x, k=0: (np.triu if a.get("upper", 1) else np.tril)(
        x, int(k)),
    "Unsqueeze": lambda a, x, axes: unsqueeze(x, axes),
    "Where": lambda a, c, x, y: np.where(c, x, y),
}


def attributes(node):
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: numpy_helper.to_array(v) if isinstance(v, TensorProto) else v
            for k, v in values.items()}


def evaluate(path, feed, watch=None):
    """Outputs by name.  watch(node, arrays), if given, sees every result."""
    graph = onnx.load(path).graph
    # Doubles throughout, so that the comparison shows the golden's rounding.
    wide = (lambda x: x.astype(np.float64) if x.dtype == np.float32 else x)
    values = {t.name: wide(numpy_helper.to_array(t))
              for t in graph.initializer}
    for entry in graph.input:
        if entry.name not in values:
            values[entry.name] = wide(feed[entry.name])
    for node in graph.node:
        if node.op_type not in OPS:
            raise ValueError(f"{path}: node '{node.name}' "
                             f"({node.op_type}) is not known here")
        given = [values[name] for name in node.input if name]
        with np.errstate(over="ignore"):  # a mask's lowest value, doubled
            result = OPS[node.op_type](attributes(node), *given)
        values[node.output[0]] = wide(np.asarray(result))
        if watch:
            watch(node, values[node.output[0]])
    return {entry.name: values[entry.name] for entry in graph.output}


def load_dir(directory):
    return {name[:-4]: np.load(os.path.join(directory, name))
            for name in sorted(os.listdir(directory))
            if name.endswith(".npy")}


def check(model_dir):
    """True if every golden output agrees; prints a line for each."""
    good, seen = True, 0
    for case, folders, _ in sorted(os.walk(model_dir)):
        if not {"inputs", "outputs"} <= set(folders):
            continue
        out = evaluate(os.path.join(model_dir, "model.onnx"),
                       load_dir(os.path.join(case, "inputs")))
        for name, golden in load_dir(os.path.join(case, "outputs")).items():
            seen += 1
            same = golden.shape == out[name].shape
            error = abs(golden - out[name]) if same else np.array(np.inf)
            same = same and bool((error <= 1e-3 + 1e-4 * abs(golden)).all())
            good = good and same
            print(f"{'ok  ' if same else 'FAIL'} {case}: {name} "
                  f"{list(golden.shape)}, max error {error.max():.2g}")
    if not seen:
        print(f"FAIL {model_dir}: no case with inputs/ and outputs/")
    return good and seen > 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    sys.exit(not all([check(d) for d in sys.argv[1:]]))
