//===- frontend/ops/Sort.cpp - order by comparisons -----------------------===//
//
// The place of every element is the number of elements before it, so sorting
// secret data is comparisons of all pairs and sums: n^2 comparisons, all at
// once. The k best of many elements are among the k best of each block, and
// those again: with blocks of 4 k elements about 16 k n / 3 comparisons.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"

namespace mpc::frontend::ops {

namespace {
/// The tensor as [rows, n] with the axis last, and the way back.
struct Rows {
  ValueId x;
  Shape moved; ///< shape with the axis last
  Shape back;
  int64_t rows, n;
};
} // namespace

static Rows asRows(NodeReader &n, ValueId x, int64_t axis) {
  Rows r;
  const int64_t rank = n.rank(x);
  Shape perm;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      perm.push_back(i);
  perm.push_back(axis);
  r.back.resize(rank);
  for (int64_t i = 0; i < rank; ++i)
    r.back[perm[i]] = i;
  ValueId t = n.transpose(x, perm);
  r.moved = n.shape(t);
  r.n = r.moved.empty() ? 1 : r.moved.back();
  r.rows = r.n ? n.numel(x) / r.n : 0;
  r.x = n.reshape(t, {r.rows, r.n});
  return r;
}

static ValueId fromRows(NodeReader &n, const Rows &r, ValueId v, int64_t size) {
  Shape s = r.moved;
  s.back() = size;
  return n.transpose(n.reshape(v, s), r.back);
}

static ValueId countUp(NodeReader &n, int64_t count, Ints shape) {
  if (n.tooLarge(count))
    return {};
  std::vector<int64_t> v(count);
  for (int64_t i = 0; i < count; ++i)
    v[i] = i;
  return n.ints(std::move(v), shape);
}

/// [rows, count] of places: how many elements come before each. Equal elements
/// keep their order.
static ValueId places(NodeReader &n, ValueId x, int64_t rows, int64_t count,
                      bool largest) {
  ValueId mine = n.reshape(x, {rows, count, 1});
  ValueId other = n.reshape(x, {rows, 1, count});
  // other before mine: strictly, or equal with a smaller index. One comparison
  // says both, its complement serves the pairs in the other order.
  ValueId after = largest ? n.binary(Opcode::Less, other, mine)
                          : n.binary(Opcode::Less, mine, other);
  ValueId before = largest ? n.binary(Opcode::Less, mine, other)
                           : n.binary(Opcode::Less, other, mine);
  if (n.tooLarge(count * count))
    return {};
  std::vector<int64_t> smaller(count * count);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < count; ++j)
      smaller[i * count + j] = j < i;
  ValueId firstIndex = n.bools(std::move(smaller), {count, count});
  ValueId ahead =
      n.binary(Opcode::Or, before,
               n.binary(Opcode::And, n.unary(Opcode::Not, after), firstIndex));
  return n.reduce(Opcode::ReduceSum, n.cast(ahead, Elem::I64), {2}, false);
}

namespace {
struct Best {
  ValueId values, indices; ///< [rows, .]; of one row, indices may serve all
};
} // namespace

/// The k first of `count` elements a row, in order.
static Best bestOf(NodeReader &n, const Best &of, int64_t rows, int64_t count,
                   int64_t k, bool largest) {
  ValueId place = places(n, of.values, rows, count, largest);
  // Row j of the selection is one at the element in place j.
  ValueId chosen = n.binary(Opcode::Equal, n.reshape(place, {rows, 1, count}),
                            countUp(n, k, {1, k, 1}));
  const auto pick = [&](ValueId v) -> ValueId {
    if (n.failed())
      return {};
    ValueId wide = n.reshape(v, {n.shape(v)[0], 1, count});
    return n.reduce(Opcode::ReduceSum, n.mul(n.cast(chosen, n.elem(v)), wide),
                    {2}, false);
  };
  return {pick(of.values), pick(of.indices)};
}

void topK(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t axis = n.axis(n.attrInt("axis", -1), n.rank(x));
  const int64_t k = n.opset() < 10 ? n.attrInt("k", 0) : n.knownInt(1, "k");
  if (n.failed())
    return;
  if (n.rank(x) == 0 || k < 0 || k > n.shape(x)[axis])
    return n.fail("takes " + llvm::Twine(k) + " of a tensor of shape " +
                  shapeStr(n.shape(x)));
  const Rows r = asRows(n, x, axis);
  const bool largest = n.attrInt("largest", 1) != 0;
  const int64_t block = std::max<int64_t>(4 * k, 8);
  if (n.failed() ||
      n.tooLarge(std::max<int64_t>(r.rows, 1) * r.n * std::min(r.n, 2 * block)))
    return;
  Best all{r.x, countUp(n, r.n, {1, r.n})};
  int64_t count = r.n;
  while (k > 0 && count > 2 * block && !n.failed()) {
    // In order of the axis: what is equal stays in its order.
    const int64_t blocks = count / block, rest = count % block;
    const auto front = [&](ValueId v) {
      return n.reshape(n.slice(v, 1, 0, blocks * block),
                       {n.shape(v)[0] * blocks, block});
    };
    const auto joined = [&](ValueId best, ValueId before) {
      ValueId v = n.reshape(best, {r.rows, blocks * k});
      if (rest == 0)
        return v;
      ValueId last = n.slice(before, 1, blocks * block, rest);
      return n.concat({v, n.broadcastTo(last, {r.rows, rest})}, 1);
    };
    ValueId index = all.indices;
    if (n.shape(index)[0] != r.rows)
      index = n.broadcastTo(index, {r.rows, count});
    const Best some = bestOf(n, {front(all.values), front(index)},
                             r.rows * blocks, block, k, largest);
    if (n.failed())
      return;
    all = {joined(some.values, all.values), joined(some.indices, index)};
    count = blocks * k + rest;
  }
  if (n.failed())
    return;
  const Best best = bestOf(n, all, r.rows, count, k, largest);
  if (n.failed())
    return;
  n.out(0, fromRows(n, r, best.values, k));
  n.out(1, fromRows(n, r, best.indices, k));
}

/// One at the first largest element, before opset 13 of a flattened matrix.
void hardmax(NodeReader &n) {
  ValueId x = n.in(0);
  const Shape shape = n.shape(x);
  const bool old = n.opset() < 13;
  const int64_t axis = n.axis(n.attrInt("axis", old ? 1 : -1), n.rank(x));
  if (n.failed())
    return;
  if (old)
    x = n.reshape(x, {ir::numelOf(Ints(shape).take_front(axis)),
                      ir::numelOf(Ints(shape).drop_front(axis))});
  const Rows r = asRows(n, x, old ? 1 : axis);
  ValueId first = n.binary(Opcode::Equal, places(n, r.x, r.rows, r.n, true),
                           n.scalar(0, Elem::I64));
  ValueId y = fromRows(n, r, n.cast(first, n.elem(x)), r.n);
  n.out(n.reshape(y, shape));
}

void compress(NodeReader &n) {
  ValueId x = n.in(0);
  const ConstData keep = n.knownInput(1, "condition");
  const bool flat = !n.hasAttr("axis");
  if (flat)
    x = n.reshape(x, {n.numel(x)});
  const int64_t axis = flat ? 0 : n.axis(n.attrInt("axis", 0), n.rank(x));
  if (n.failed())
    return;
  if (keep.numel() > n.shape(x)[axis])
    return n.fail("input 1 (condition) is longer than the axis");
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < keep.numel(); ++i)
    if (keep.at(i) != 0)
      rows.push_back(i);
  n.out(takeRows(n, x, axis, rows));
}

void reverseSequence(NodeReader &n) {
  ValueId x = n.in(0);
  const Shape s = n.shape(x);
  const int64_t time = n.attrInt("time_axis", 0),
                batch = n.attrInt("batch_axis", 1);
  auto lengths = n.knownInts(1, "sequence_lens");
  if (n.failed())
    return;
  if (s.size() < 2 || time + batch != 1 || time * batch != 0 ||
      static_cast<int64_t>(lengths.size()) != s[batch])
    return n.fail("time_axis and batch_axis must be 0 and 1, with a length for "
                  "every batch");
  for (int64_t length : lengths)
    if (length < 0 || length > s[time])
      return n.fail("a length of " + llvm::Twine(length) + " on an axis of " +
                    llvm::Twine(s[time]));
  if (n.tooLarge(n.numel(x)))
    return;
  const Shape str = strides(s);
  std::vector<int64_t> from(n.numel(x));
  for (size_t i = 0; i < from.size(); ++i) {
    const int64_t t = i / str[time] % s[time], b = i / str[batch] % s[batch];
    const int64_t source = t < lengths[b] ? lengths[b] - 1 - t : t;
    from[i] = static_cast<int64_t>(i) + (source - t) * str[time];
  }
  n.out(n.take(x, std::move(from), s));
}

} // namespace mpc::frontend::ops
