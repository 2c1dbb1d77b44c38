#!/usr/bin/python3
"""Makes test models that are too large or too odd to keep in the tree.

  generate.py mlp DIR --sizes 64,256,256,10 --activation gelu --batch 4
  generate.py mlp DIR --sizes 7,1,3 --layer matmul --sequence 5 --dynamic

Writes DIR/model.onnx, DIR/inputs/<input>.npy and DIR/outputs/<output>.npy,
the golden output computed in numpy.  The same arguments give the same bytes.
Needs python3-onnx and numpy.
"""
import argparse
import math
import os
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

erf = np.vectorize(math.erf, otypes=[np.float64])


class Graph:
    """Nodes and initializers, appended in order."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def op(self, kind, *inputs, name, **attrs):
        """Appends a node; returns its output's name."""
        output = f"{name}_output_0"
        self.nodes.append(helper.make_node(kind, list(inputs), [output],
                                           name=name, **attrs))
        return output

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def scalar(self, name, value):
        tensor = numpy_helper.from_array(np.array(value, np.float32))
        return self.op("Constant", name=name, value=tensor)


def activate(graph, kind, x, at):
    """relu as a node; gelu by Erf, as PyTorch exports it."""
    if kind == "relu":
        return graph.op("Relu", x, name=f"{at}/Relu")
    root = graph.scalar(f"{at}/Constant", math.sqrt(2))
    e = graph.op("Div", x, root, name=f"{at}/Div")
    e = graph.op("Erf", e, name=f"{at}/Erf")
    one = graph.scalar(f"{at}/Constant_1", 1.0)
    e = graph.op("Add", e, one, name=f"{at}/Add")
    e = graph.op("Mul", x, e, name=f"{at}/Mul")
    half = graph.scalar(f"{at}/Constant_2", 0.5)
    return graph.op("Mul", e, half, name=f"{at}/Mul_1")


def activate_plain(kind, x):
    if kind == "relu":
        return np.maximum(x, 0)
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def linear(graph, layer, x, weight, bias, at):
    """Gemm with transB for rank 2, MatMul + Add for any rank."""
    name = f"{at[1:]}.weight"
    if layer == "gemm":
        w = graph.weight(name, np.ascontiguousarray(weight.T))
        b = graph.weight(f"{at[1:]}.bias", bias)
        return graph.op("Gemm", x, w, b, name=f"{at}/Gemm", alpha=1.0,
                        beta=1.0, transB=1)
    w = graph.weight(name, weight)
    b = graph.weight(f"{at[1:]}.bias", bias)
    x = graph.op("MatMul", x, w, name=f"{at}/MatMul")
    return graph.op("Add", b, x, name=f"{at}/Add")


def mlp(directory, sizes, activation="relu", layer="gemm", batch=2,
        sequence=0, dynamic=False, seed=1, opset=14):
    """A multi-layer perceptron with random weights, a sample, its golden.

    sizes: features from input to output, at least two.  sequence: 0 for
    inputs [batch, features], else [batch, sequence, features] (MatMul only).
    dynamic: names the leading dimensions instead of fixing them.  Weights
    keep activations near one, so that goldens of deep nets still mean
    something.
    """
    if len(sizes) < 2 or min(sizes) < 1 or batch < 1 or sequence < 0:
        raise ValueError("sizes take two or more positive numbers; batch is "
                         "positive, sequence not negative")
    if sequence and layer == "gemm":
        raise ValueError("Gemm takes rank 2: use --layer matmul with "
                         "--sequence")
    if sum(a * b for a, b in zip(sizes, sizes[1:])) * 4 >= 2 ** 31:
        raise ValueError("the weights exceed protobuf's 2 GB")
    rng = np.random.default_rng(seed)
    graph = Graph()
    lead = [batch, sequence] if sequence else [batch]
    names = ["batch_size", "sequence_length"][: len(lead)]
    sample = rng.standard_normal(lead + [sizes[0]]).astype(np.float32)
    x, golden = "input", sample.astype(np.float64)
    for k, (inner, outer) in enumerate(zip(sizes, sizes[1:])):
        scale = math.sqrt((1 if k == 0 else 2) / inner)
        weight = (rng.standard_normal((inner, outer)) * scale).astype(
            np.float32)
        bias = (rng.standard_normal(outer) * 0.1).astype(np.float32)
        x = linear(graph, layer, x, weight, bias, f"/layers.{k}")
        golden = golden @ weight.astype(np.float64) + bias
        if k + 2 < len(sizes):
            x = activate(graph, activation, x, f"/act.{k}")
            golden = activate_plain(activation, golden)
    graph.nodes[-1].output[0] = "output"
    shape = names if dynamic else lead
    value = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "mlp",
            [value("input", TensorProto.FLOAT, shape + [sizes[0]])],
            [value("output", TensorProto.FLOAT, shape + [sizes[-1]])],
            graph.weights),
        producer_name="generate.py", ir_version=7,
        opset_imports=[helper.make_opsetid("", opset)])
    checker.check_model(model)
    for name, array in (("inputs/input", sample),
                        ("outputs/output", golden.astype(np.float32))):
        path = os.path.join(directory, name + ".npy")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        np.save(path, array)
    save(model, os.path.join(directory, "model.onnx"))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    kind = kinds.add_parser("mlp", help="Gemm or MatMul+Add, Relu or Gelu")
    kind.add_argument("directory")
    kind.add_argument("--sizes", default="16,32,8",
                      help="features from input to output (16,32,8)")
    kind.add_argument("--activation", choices=["relu", "gelu"],
                      default="relu")
    kind.add_argument("--layer", choices=["gemm", "matmul"], default="gemm")
    kind.add_argument("--batch", type=int, default=2)
    kind.add_argument("--sequence", type=int, default=0,
                      help="rank-3 input [batch, sequence, features]")
    kind.add_argument("--dynamic", action="store_true",
                      help="leave the leading dimensions symbolic")
    kind.add_argument("--seed", type=int, default=1)
    args = vars(parser.parse_args())
    del args["kind"]
    try:
        args["sizes"] = [int(s) for s in args["sizes"].split(",")]
        mlp(**args)
    except (ValueError, OSError) as problem:
        print(f"generate.py: error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
