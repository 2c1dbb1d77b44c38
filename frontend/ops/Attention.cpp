//===- frontend/ops/Attention.cpp - the standard's attention --------------===//
//
// Attention and RotaryEmbedding of opset 23 as the matrix products, softmax and
// rotations that they stand for. Masks become fills of the scores, which the
// compiler folds into the softmax.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/AttentionParts.h"
#include "llvm/ADT/Sequence.h"
#include <cmath>
#include <limits>

namespace mpc::frontend::ops {

ValueId splitHeads(NodeReader &n, ValueId x, int64_t heads) {
  const Shape s = n.shape(x);
  if (s.size() == 4)
    return x;
  if (s.size() != 3 || heads < 1 || s[2] % heads) {
    n.fail("cannot split " + shapeStr(s) + " into " + llvm::Twine(heads) +
           " heads");
    return {};
  }
  return n.transpose(n.reshape(x, {s[0], s[1], heads, s[2] / heads}),
                     {0, 2, 1, 3});
}

ValueId joinHeads(NodeReader &n, ValueId x) {
  const Shape s = n.shape(x);
  if (n.failed() || s.size() != 4)
    return {};
  return n.reshape(n.transpose(x, {0, 2, 1, 3}), {s[0], s[2], s[1] * s[3]});
}

/// Every head of [B, G, S, D] as many times as makes `heads`.
static ValueId repeatHeads(NodeReader &n, ValueId x, int64_t heads) {
  const Shape s = n.shape(x);
  if (n.failed() || s[1] == heads)
    return x;
  if (s[1] < 1 || heads % s[1]) {
    n.fail(llvm::Twine(heads) + " query heads for " + llvm::Twine(s[1]) +
           " heads of keys");
    return {};
  }
  const int64_t each = heads / s[1];
  return n.reshape(n.broadcastTo(n.reshape(x, {s[0], s[1], 1, s[2], s[3]}),
                                 {s[0], s[1], each, s[2], s[3]}),
                   {s[0], heads, s[2], s[3]});
}

ValueId attend(NodeReader &n, ValueId q, ValueId k, ValueId v,
               const AttentionForm &form) {
  if (n.failed())
    return {};
  if (n.rank(q) != 4 || n.rank(k) != 4 || n.rank(v) != 4) {
    n.fail("query, key and value must have rank 3 or 4");
    return {};
  }
  const Shape sq = n.shape(q), sk = n.shape(k);
  k = repeatHeads(n, k, sq[1]);
  v = repeatHeads(n, v, sq[1]);
  const double scale =
      form.scale ? *form.scale : 1 / std::sqrt(static_cast<double>(sq[3]));
  ValueId scores = n.mul(n.matmul(q, n.transpose(k, {0, 1, 3, 2})), scale);
  if (form.softcap > 0)
    scores = n.mul(n.unary(Opcode::Tanh, n.mul(scores, 1 / form.softcap)),
                   form.softcap);
  if (form.bias.valid())
    scores = n.add(scores, form.bias);
  auto keep = [&](ValueId mask) {
    scores = n.select(mask, scores, n.scalar(form.fill));
  };
  if (form.keep.valid())
    keep(form.keep);
  if (form.causal) {
    const int64_t rows = sq[2], columns = sk[2];
    if (n.failed() || n.tooLarge(rows * columns))
      return {};
    std::vector<int64_t> lower(rows * columns);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        lower[i * columns + j] = j <= i + form.past;
    keep(n.bools(std::move(lower), {rows, columns}));
  }
  return n.matmul(n.softmax(scores, 3), v);
}

void attention(NodeReader &n) {
  const bool flat = n.rank(n.in(0)) == 3;
  ValueId q = splitHeads(n, n.in(0), n.attrInt("q_num_heads", 0));
  ValueId k = splitHeads(n, n.in(1), n.attrInt("kv_num_heads", 0));
  ValueId v = splitHeads(n, n.in(2), n.attrInt("kv_num_heads", 0));
  AttentionForm form;
  if (n.has(4) != n.has(5))
    return n.fail("past_key and past_value come together");
  if (n.has(4)) {
    if (n.rank(n.in(4)) == 4)
      form.past = n.shape(n.in(4))[2];
    k = n.concat({n.in(4), k}, 2);
    v = n.concat({n.in(5), v}, 2);
  }
  if (n.has(3))
    (n.elem(n.in(3)) == Elem::Bool ? form.keep : form.bias) = n.in(3);
  if (n.hasAttr("scale"))
    form.scale = n.attrFloat("scale", 1);
  form.softcap = n.attrFloat("softcap", 0);
  form.causal = n.attrInt("is_causal", 0) != 0;
  ValueId y = attend(n, q, k, v, form);
  n.out(0, flat ? joinHeads(n, y) : y);
  n.out(1, k);
  n.out(2, v);
}

ValueId rotate(NodeReader &n, ValueId x, ValueId cosine, ValueId sine,
               bool interleaved) {
  const Shape s = n.shape(x), c = n.shape(cosine);
  if (n.failed())
    return {};
  if (s.size() != 4 || c.empty() || 2 * c.back() > s[3] || n.shape(sine) != c) {
    n.fail("rotates " + shapeStr(s) + " by angles of shape " + shapeStr(c));
    return {};
  }
  const int64_t half = c.back(), turned = 2 * half;
  ValueId rest;
  if (turned < s[3])
    rest = n.slice(x, 3, turned, s[3] - turned);
  ValueId y, a, b;
  if (interleaved) {
    ValueId pairs =
        n.reshape(n.slice(x, 3, 0, turned), {s[0], s[1], s[2], half, 2});
    a = n.reshape(n.slice(pairs, 4, 0, 1), {s[0], s[1], s[2], half});
    b = n.reshape(n.slice(pairs, 4, 1, 1), {s[0], s[1], s[2], half});
  } else {
    a = n.slice(x, 3, 0, half);
    b = n.slice(x, 3, half, half);
  }
  ValueId re = n.sub(n.mul(a, cosine), n.mul(b, sine));
  ValueId im = n.add(n.mul(b, cosine), n.mul(a, sine));
  if (interleaved) {
    auto column = [&](ValueId p) {
      return n.reshape(p, {s[0], s[1], s[2], half, 1});
    };
    y = n.reshape(n.concat({column(re), column(im)}, 4),
                  {s[0], s[1], s[2], turned});
  } else {
    y = n.concat({re, im}, 3);
  }
  return rest.valid() ? n.concat({y, rest}, 3) : y;
}

/// Rows of the cache as [B or 1, 1, S, D / 2].
ValueId anglesAt(NodeReader &n, ValueId cache, ValueId positions) {
  ValueId rows = positions.valid() ? n.gather(cache, positions, 0) : cache;
  const Shape s = n.shape(rows);
  if (n.failed() || s.size() != 3) {
    n.fail("angles of shape " + shapeStr(s));
    return {};
  }
  return n.reshape(rows, {s[0], 1, s[1], s[2]});
}

void rotaryEmbedding(NodeReader &n) {
  const bool flat = n.rank(n.in(0)) == 3;
  ValueId x = splitHeads(n, n.in(0), n.attrInt("num_heads", 0));
  ValueId positions = n.has(3) ? n.in(3) : ValueId{};
  ValueId c = anglesAt(n, n.in(1), positions),
          s = anglesAt(n, n.in(2), positions);
  const int64_t dim = n.attrInt("rotary_embedding_dim", 0);
  if (!n.failed() && dim > 0 && n.shape(c).back() * 2 > dim) {
    c = n.slice(c, 3, 0, dim / 2);
    s = n.slice(s, 3, 0, dim / 2);
  }
  ValueId y = rotate(n, x, c, s, n.attrInt("interleaved", 0) != 0);
  n.out(flat ? joinHeads(n, y) : y);
}

} // namespace mpc::frontend::ops
