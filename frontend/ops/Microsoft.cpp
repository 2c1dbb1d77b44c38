//===- frontend/ops/Microsoft.cpp - fused operators of onnxruntime --------===//
//
// com.microsoft operators that graph optimizers put into transformers, taken
// apart again.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/AttentionParts.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace mpc::frontend::ops {

void msBiasGelu(NodeReader &n) {
  n.out(geluOf(n, n.add(n.in(0), n.in(1)), false));
}
void msFastGelu(NodeReader &n) {
  n.out(geluOf(n, n.has(1) ? n.add(n.in(0), n.in(1)) : n.in(0), true));
}
void msQuickGelu(NodeReader &n) {
  ValueId x = n.in(0);
  n.out(n.mul(x,
              n.unary(Opcode::Sigmoid, n.mul(x, n.attrFloat("alpha", 1.702)))));
}

void msBiasSoftmax(NodeReader &n) {
  ValueId x = n.add(n.in(0), n.in(1));
  const int64_t axis = n.axis(n.attrInt("axis", 1), n.rank(x));
  if (n.failed())
    return;
  const Shape s = n.shape(x);
  const int64_t rows = ir::numelOf(Ints(s).take_front(axis));
  n.out(n.reshape(
      n.softmax(n.reshape(x, {rows, ir::numelOf(Ints(s).drop_front(axis))}), 1),
      s));
}

static ValueId swapLast(NodeReader &n, ValueId x) {
  const int64_t rank = n.rank(x);
  if (rank < 2)
    return x;
  Shape perm;
  for (int64_t i = 0; i < rank; ++i)
    perm.push_back(i);
  std::swap(perm[rank - 1], perm[rank - 2]);
  return n.transpose(x, perm);
}

void msFusedMatMul(NodeReader &n) {
  ValueId a = n.attrInt("transA", 0) ? swapLast(n, n.in(0)) : n.in(0);
  ValueId b = n.attrInt("transB", 0) ? swapLast(n, n.in(1)) : n.in(1);
  ValueId y = n.matmul(a, b);
  const double alpha = n.attrFloat("alpha", 1);
  n.out(alpha == 1 ? y : n.mul(y, alpha));
}

void msSkipLayerNormalization(NodeReader &n) {
  ValueId sum = n.add(n.in(0), n.in(1));
  if (n.has(4))
    sum = n.add(sum, n.in(4));
  ValueId mean, inverse;
  const int64_t last = n.rank(sum) - 1;
  ValueId y = n.mul(standardized(n, sum, {last}, n.attrFloat("epsilon", 1e-12),
                                 &mean, &inverse),
                    n.in(2));
  n.out(0, n.has(3) ? n.add(y, n.in(3)) : y);
  n.out(1, mean);
  n.out(2, inverse);
  n.out(3, sum);
}

void msSkipSimplifiedLayerNormalization(NodeReader &n) {
  ValueId sum = n.add(n.in(0), n.in(1));
  if (n.has(3))
    sum = n.add(sum, n.in(3));
  const int64_t last = n.rank(sum) - 1;
  n.out(0, n.mul(rmsScaled(n, sum, {last}, n.attrFloat("epsilon", 1e-12)),
                 n.in(2)));
  n.out(3, sum);
}

void msEmbedLayerNormalization(NodeReader &n) {
  for (size_t i : {2, 3, 5, 6})
    if (!n.has(i))
      return n.fail("input " + llvm::Twine(i) + " is missing");
  ValueId ids = n.in(0);
  const Shape s = n.shape(ids);
  if (s.size() != 2)
    return n.fail("ids of shape " + shapeStr(s));
  ValueId sum = n.gather(n.in(2), ids, 0);
  if (n.has(8))
    sum = n.add(sum, n.gather(n.in(3), n.in(8), 0));
  else if (s[1] <= n.shape(n.in(3))[0])
    sum = n.add(sum, n.slice(n.in(3), 0, 0, s[1]));
  else
    return n.fail("more positions than there are embeddings");
  if (n.has(1) && n.has(4))
    sum = n.add(sum, n.gather(n.in(4), n.in(1), 0));
  const int64_t last = n.rank(sum) - 1;
  ValueId y = n.mul(standardized(n, sum, {last}, n.attrFloat("epsilon", 1e-12)),
                    n.in(5));
  n.out(0, n.add(y, n.in(6)));
  if (n.has(7))
    n.out(1, n.reduce(Opcode::ReduceSum, n.in(7), {1}, false));
  else
    n.out(1, n.ints(std::vector<int64_t>(s[0], 0), {s[0]}));
  n.out(2, sum);
}

/// [size] counting from 0 as a row.
static ValueId positionsRow(NodeReader &n, int64_t size) {
  if (n.tooLarge(size))
    return {};
  std::vector<int64_t> v(size);
  for (int64_t i = 0; i < size; ++i)
    v[i] = i;
  return n.ints(std::move(v), {1, 1, 1, size});
}

/// A mask of integers as lanes to keep: [B] lengths, [B, K], [B, Q, K],
/// [B, 1, Q, K].
static ValueId keepFrom(NodeReader &n, ValueId mask, int64_t batch,
                        int64_t keys) {
  const Shape s = n.shape(mask);
  auto nonZero = [&](ValueId m) {
    return n.elem(m) == Elem::Bool
               ? m
               : n.binary(Opcode::Less, n.scalar(0, n.elem(m)), m);
  };
  if (s.size() == 1 && s[0] == batch)
    return n.binary(Opcode::Less, positionsRow(n, keys),
                    n.reshape(mask, {batch, 1, 1, 1}));
  if (s.size() == 2 && s[1] == keys)
    return nonZero(n.reshape(mask, {s[0], 1, 1, keys}));
  if (s.size() == 3 && s[2] == keys)
    return nonZero(n.reshape(mask, {s[0], 1, s[1], keys}));
  if (s.size() == 4 && s[3] == keys)
    return nonZero(mask);
  n.fail("a mask of shape " + shapeStr(s) + " for " + llvm::Twine(keys) +
         " keys is not supported");
  return {};
}

static AttentionForm formOf(NodeReader &n) {
  AttentionForm form;
  if (n.attrFloat("scale", 0) != 0)
    form.scale = n.attrFloat("scale", 0);
  form.causal = n.attrInt("unidirectional", 0) != 0;
  form.fill = n.attrFloat("mask_filter_value", -10000);
  return form;
}

void msAttention(NodeReader &n) {
  const int64_t heads = n.attrInt("num_heads", 0);
  ValueId x = n.in(0);
  if (n.has(4) || n.has(6))
    return n.fail("a past is not supported");
  ValueId all = n.matmul(x, n.in(1));
  if (n.has(2))
    all = n.add(all, n.in(2));
  const Shape s = n.shape(all);
  if (n.failed() || s.size() != 3)
    return n.fail("needs data of rank 3");
  std::vector<int64_t> sizes =
      n.attrInts("qkv_hidden_sizes", {s[2] / 3, s[2] / 3, s[2] / 3});
  if (sizes.size() != 3 || sizes[0] + sizes[1] + sizes[2] != s[2] ||
      llvm::any_of(sizes, [](int64_t z) { return z < 1; }))
    return n.fail("attribute 'qkv_hidden_sizes' is " + listStr(sizes));
  AttentionForm form = formOf(n);
  if (n.has(3))
    form.keep = keepFrom(n, n.in(3), s[0], s[1]);
  if (n.has(5))
    form.bias = n.in(5);
  ValueId q = n.slice(all, 2, 0, sizes[0]),
          k = n.slice(all, 2, sizes[0], sizes[1]),
          v = n.slice(all, 2, sizes[0] + sizes[1], sizes[2]);
  n.out(joinHeads(n, attend(n, splitHeads(n, q, heads), splitHeads(n, k, heads),
                            splitHeads(n, v, heads), form)));
}

void msMultiHeadAttention(NodeReader &n) {
  const int64_t heads = n.attrInt("num_heads", 0);
  ValueId q = n.in(0), k, v;
  if (n.rank(q) == 5) { // packed [B, S, H, 3, D]
    const Shape s = n.shape(q);
    auto part = [&](int64_t i) {
      return n.reshape(n.slice(q, 3, i, 1), {s[0], s[1], s[2] * s[4]});
    };
    if (s[3] != 3)
      return n.fail("packed query, key and value of shape " + shapeStr(s));
    k = part(1);
    v = part(2);
    q = part(0);
  } else if (n.has(1) && n.has(2)) {
    k = n.in(1);
    v = n.in(2);
  } else {
    return n.fail("packed keys and values are not supported");
  }
  if (n.has(3)) { // biases of query, key and value, one after another
    ValueId b = n.in(3);
    const int64_t width = n.rank(q) ? n.shape(q).back() : 0;
    if (n.rank(b) != 1 || n.numel(b) < 2 * width || n.rank(k) != 3 ||
        n.rank(v) != 3)
      return n.fail("a bias of shape " + shapeStr(n.shape(b)));
    q = n.add(q, n.slice(b, 0, 0, width));
    k = n.add(k, n.slice(b, 0, width, width));
    v = n.add(v, n.slice(b, 0, 2 * width, n.numel(b) - 2 * width));
  }
  q = splitHeads(n, q, heads);
  k = splitHeads(n, k, heads);
  v = splitHeads(n, v, heads);
  AttentionForm form = formOf(n);
  if (n.has(6) && n.has(7)) {
    if (n.rank(n.in(6)) == 4)
      form.past = n.shape(n.in(6))[2];
    k = n.concat({n.in(6), k}, 2);
    v = n.concat({n.in(7), v}, 2);
  }
  if (n.failed())
    return;
  if (n.has(4))
    form.keep = keepFrom(n, n.in(4), n.shape(q)[0], n.shape(k)[2]);
  if (n.has(5))
    form.bias = n.in(5);
  n.out(0, joinHeads(n, attend(n, q, k, v, form)));
  n.out(1, k);
  n.out(2, v);
}

void msRotaryEmbedding(NodeReader &n) {
  ValueId x = n.in(0), positions = n.in(1);
  const Shape s = n.shape(x), c = n.shape(n.in(2));
  if (s.size() < 3 || c.size() != 2)
    return n.fail("needs data of rank 3 or 4 and caches of rank 2");
  const bool flat = s.size() == 3;
  const int64_t length = flat ? s[1] : s[2];
  int64_t heads = n.attrInt("num_heads", 0);
  if (flat && heads == 0)
    heads = s[2] / std::max<int64_t>(2 * c[1], 1);
  if (n.numel(positions) == 1) { // the first position
    positions = n.add(n.reshape(positions, {1, 1}),
                      n.reshape(positionsRow(n, length), {1, length}));
  }
  ValueId y =
      rotate(n, splitHeads(n, x, heads), anglesAt(n, n.in(2), positions),
             anglesAt(n, n.in(3), positions), n.attrInt("interleaved", 0) != 0);
  n.out(flat ? joinHeads(n, y) : y);
}

void msGroupQueryAttention(NodeReader &n) {
  const int64_t heads = n.attrInt("num_heads", 0),
                groups = n.attrInt("kv_num_heads", 0);
  ValueId q = n.in(0), k, v;
  const Shape s = n.shape(q);
  if (s.size() != 3 || heads < 1 || groups < 1)
    return n.fail("needs data of rank 3 and numbers of heads");
  if (n.has(1) && n.has(2)) {
    k = n.in(1);
    v = n.in(2);
  } else { // packed
    if (s[2] % (heads + 2 * groups))
      return n.fail("packed query, key and value of shape " + shapeStr(s));
    const int64_t size = s[2] / (heads + 2 * groups);
    k = n.slice(q, 2, heads * size, groups * size);
    v = n.slice(q, 2, (heads + groups) * size, groups * size);
    q = n.slice(q, 2, 0, heads * size);
  }
  q = splitHeads(n, q, heads);
  k = splitHeads(n, k, groups);
  v = splitHeads(n, v, groups);
  AttentionForm form = formOf(n);
  form.causal = true;
  form.fill = -3.4e38;
  form.softcap = n.attrFloat("softcap", 0);
  if (n.has(3) && n.rank(n.in(3)) == 4)
    form.past = n.shape(n.in(3))[2];
  if (n.failed())
    return;
  if (n.attrInt("do_rotary", 0)) {
    if (!n.has(7) || !n.has(8))
      return n.fail("rotates without caches");
    const int64_t length = n.shape(q)[2];
    ValueId at = n.add(n.reshape(positionsRow(n, length), {1, length}),
                       static_cast<double>(form.past));
    ValueId c = anglesAt(n, n.in(7), at), sine = anglesAt(n, n.in(8), at);
    const bool interleaved = n.attrInt("rotary_interleaved", 0) != 0;
    q = rotate(n, q, c, sine, interleaved);
    k = rotate(n, k, c, sine, interleaved);
  }
  if (form.past > 0 && n.has(4)) {
    k = n.concat({n.in(3), k}, 2);
    v = n.concat({n.in(4), v}, 2);
  }
  if (n.failed())
    return;
  // seqlens_k is the last position of each batch; keys after it are padding.
  if (n.has(5) && n.numel(n.in(5)) == s[0])
    form.keep = n.binary(Opcode::LessEqual, positionsRow(n, n.shape(k)[2]),
                         n.reshape(n.in(5), {s[0], 1, 1, 1}));
  n.out(0, joinHeads(n, attend(n, q, k, v, form)));
  n.out(1, k);
  n.out(2, v);
}

} // namespace mpc::frontend::ops
