"""One-node ONNX models, written without the onnx package."""
import struct

import numpy as np

TYPES = {np.dtype(np.float32): 1, np.dtype(np.int8): 3, np.dtype(np.int32): 6,
         np.dtype(np.int64): 7, np.dtype(np.bool_): 9}


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def data(field, b):
    b = b.encode() if isinstance(b, str) else b
    return varint(field << 3 | 2) + varint(len(b)) + b


def attribute(name, value):
    out = data(1, name)
    if isinstance(value, float):
        return out + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return out + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return out + data(4, value) + number(20, 3)
    return out + b"".join(number(8, v) for v in value) + number(20, 7)


def value_info(name, array):
    shape = b"".join(data(1, number(1, d)) for d in array.shape)
    tensor = number(1, TYPES[array.dtype]) + data(2, shape)
    return data(1, name) + data(2, data(1, tensor))


def tensor(name, array):
    return (b"".join(number(1, d) for d in array.shape)
            + number(2, TYPES[array.dtype]) + data(8, name)
            + data(9, np.ascontiguousarray(array).tobytes()))


def one_node(op, opset, domain, inputs, weights, outputs, attributes):
    """Bytes of a model. inputs: [(name, array or None)], in the node's order;
    those whose name is in weights are initializers; outputs: names."""
    node = b"".join(data(1, n if a is not None else "") for n, a in inputs)
    node += b"".join(data(2, n) for n in outputs)
    node += data(3, "node") + data(4, op)
    node += b"".join(data(5, attribute(*a)) for a in attributes.items())
    node += data(7, domain)
    graph = data(1, node) + data(2, "g")
    for name, array in inputs:
        if array is not None:
            graph += (data(5, tensor(name, array)) if name in weights else
                      data(11, value_info(name, array)))
    graph += b"".join(data(12, data(1, n)) for n in outputs if n)
    model = number(1, 10) + data(7, graph) + data(8, number(2, opset))
    if domain:
        model += data(8, data(1, domain) + number(2, 1))
    return model


def chain(nodes, x, opset=17):
    """Bytes of a model y = f(... g(x)): nodes are (op, domain[, attributes])."""
    graph = b""
    for i, (op, domain, *attributes) in enumerate(nodes):
        last = i + 1 == len(nodes)
        node = data(1, f"v{i}" if i else "x")
        node += data(2, "y" if last else f"v{i + 1}")
        node += data(3, f"node{i}") + data(4, op)
        for a in attributes:
            node += b"".join(data(5, attribute(*kv)) for kv in a.items())
        graph += data(1, node + data(7, domain))
    graph += data(2, "g") + data(11, value_info("x", x))
    graph += data(12, value_info("y", x))
    model = number(1, 8) + data(7, graph)
    for domain, version in (("", opset), ("com.microsoft", 1)):
        model += data(8, data(1, domain) + number(2, version))
    return model
