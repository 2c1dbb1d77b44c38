//===- frontend/ops/Index.cpp - gathers and scatters
//------------------------===//
//
// With indices known at compile time, all of them are data movement: every
// element of the result comes from one place that is known.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"

namespace mpc::frontend::ops {

/// `i` in [0, size); fails if it is not in [-size, size).
static int64_t inRange(NodeReader &n, int64_t i, int64_t size) {
  if (i < -size || i >= size) {
    n.fail("index " + llvm::Twine(i) + " into " + llvm::Twine(size) +
           " elements");
    return 0;
  }
  return i < 0 ? i + size : i;
}

/// The common step of an arithmetic progression that a slice can walk.
static std::optional<int64_t> progression(const std::vector<int64_t> &v) {
  if (v.size() == 1)
    return 1;
  if (v.empty() || v[1] <= v[0])
    return std::nullopt;
  for (size_t i = 1; i < v.size(); ++i)
    if (v[i] - v[i - 1] != v[1] - v[0])
      return std::nullopt;
  return v[1] - v[0];
}

ValueId takeRows(NodeReader &n, ValueId x, int64_t axis,
                 llvm::ArrayRef<int64_t> rows) {
  const Shape s = n.shape(x);
  Shape out = s;
  out[axis] = rows.size();
  if (n.tooLarge(ir::checkedNumel(out).value_or(kMaxFoldedElements + 1)))
    return {};
  const int64_t outer = ir::numelOf(Ints(s).take_front(axis));
  const int64_t inner = ir::numelOf(Ints(s).drop_front(axis + 1));
  std::vector<int64_t> flat;
  flat.reserve(outer * inner * rows.size());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t r : rows)
      for (int64_t i = 0; i < inner; ++i)
        flat.push_back(r < 0 ? -1 : (o * s[axis] + r) * inner + i);
  return n.take(x, std::move(flat), out);
}

void gather(NodeReader &n) {
  ValueId data = n.in(0), indices = n.in(1);
  const Shape s = n.shape(data), si = n.shape(indices);
  const int64_t axis = n.axis(n.attrInt("axis", 0), s.size());
  if (s.empty())
    return n.fail("needs data of rank 1 or more");
  const ConstData *known = n.known(indices);
  if (n.failed() || !known || n.known(data) || known->elem != Elem::I64)
    return n.out(n.gather(data, indices, axis));
  std::vector<int64_t> rows = known->ints;
  for (int64_t &r : rows)
    r = inRange(n, r, s[axis]);
  Shape out(s.begin(), s.begin() + axis);
  out.append(si.begin(), si.end());
  out.append(s.begin() + axis + 1, s.end());
  if (n.failed())
    return;
  if (auto step = progression(rows)) {
    Shape starts(s.size(), 0), steps(s.size(), 1), sizes = s;
    starts[axis] = rows[0];
    steps[axis] = *step;
    sizes[axis] = rows.size();
    return n.out(n.reshape(n.slice(data, starts, steps, sizes), out));
  }
  const int64_t outer = ir::numelOf(Ints(s).take_front(axis));
  const int64_t inner = ir::numelOf(Ints(s).drop_front(axis + 1));
  const auto total = ir::checkedNumel(out);
  if (!total)
    return n.fail("the result would have shape " + shapeStr(out));
  if (n.tooLarge(*total))
    return;
  std::vector<int64_t> flat;
  flat.reserve(*total);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t r : rows)
      for (int64_t i = 0; i < inner; ++i)
        flat.push_back((o * s[axis] + r) * inner + i);
  n.out(n.take(data, std::move(flat), out));
}

/// The flat position in `shape` that each element of an index tensor of the
/// same rank denotes along `axis`.
static std::vector<int64_t> elementPositions(NodeReader &n, Ints shape,
                                             Ints indexShape,
                                             const std::vector<int64_t> &index,
                                             int64_t axis) {
  const Shape to = strides(shape), from = strides(indexShape);
  std::vector<int64_t> out(index.size());
  for (size_t i = 0; i < index.size() && !n.failed(); ++i) {
    int64_t rest = i, at = 0;
    for (size_t a = 0; a < shape.size(); ++a) {
      int64_t p = rest / from[a];
      rest %= from[a];
      if (static_cast<int64_t>(a) == axis)
        p = inRange(n, index[i], shape[a]);
      else if (p >= shape[a])
        n.fail("indices of shape " + shapeStr(indexShape) +
               " for data of shape " + shapeStr(shape));
      at += p * to[a];
    }
    out[i] = at;
  }
  return out;
}

void gatherElements(NodeReader &n) {
  ValueId data = n.in(0);
  const Shape s = n.shape(data), si = n.shape(n.in(1));
  const int64_t axis = n.axis(n.attrInt("axis", 0), s.size());
  auto index = n.knownInts(1, "indices");
  if (s.size() != si.size())
    n.fail("indices and data differ in rank");
  if (!n.failed())
    n.out(n.take(data, elementPositions(n, s, si, index, axis), si));
}

/// Positions of the blocks that the tuples of an index tensor denote: every
/// last axis of `index` is a tuple for the axes of `s` after `batch`.
static std::vector<int64_t> blockPositions(NodeReader &n, Ints s, Ints si,
                                           const std::vector<int64_t> &index,
                                           int64_t batch) {
  const int64_t width = si.back();
  const Shape str = strides(s);
  const int64_t perBatch =
      ir::numelOf(si.drop_front(batch)) / std::max<int64_t>(width, 1);
  const int64_t tuples = ir::numelOf(si.drop_back());
  const int64_t batchStride = ir::numelOf(s.drop_front(batch));
  std::vector<int64_t> out(tuples);
  for (int64_t t = 0; t < tuples && !n.failed(); ++t) {
    out[t] = perBatch ? t / perBatch * batchStride : 0;
    for (int64_t j = 0; j < width; ++j)
      out[t] += inRange(n, index[t * width + j], s[batch + j]) * str[batch + j];
  }
  return out;
}

static std::vector<int64_t> expandBlocks(const std::vector<int64_t> &blocks,
                                         int64_t size) {
  std::vector<int64_t> out;
  out.reserve(blocks.size() * size);
  for (int64_t b : blocks)
    for (int64_t i = 0; i < size; ++i)
      out.push_back(b + i);
  return out;
}

void gatherND(NodeReader &n) {
  ValueId data = n.in(0);
  const Shape s = n.shape(data), si = n.shape(n.in(1));
  const int64_t batch = n.attrInt("batch_dims", 0);
  auto index = n.knownInts(1, "indices");
  if (n.failed())
    return;
  const int64_t rank = s.size();
  if (si.empty() || batch < 0 || batch >= static_cast<int64_t>(si.size()) ||
      batch + si.back() > rank ||
      Ints(s).take_front(batch) != Ints(si).take_front(batch))
    return n.fail("indices of shape " + shapeStr(si) + " for data of shape " +
                  shapeStr(s));
  Ints block = Ints(s).drop_front(batch + si.back());
  Shape out(si.begin(), si.end() - 1);
  out.append(block.begin(), block.end());
  if (n.tooLarge(ir::checkedNumel(out).value_or(kMaxFoldedElements + 1)))
    return;
  n.out(n.take(
      data,
      expandBlocks(blockPositions(n, s, si, index, batch), ir::numelOf(block)),
      out));
}

/// Position by position, updates that meet are combined with the data one
/// after another.
static void combine(NodeReader &n, const std::vector<int64_t> &positions,
                    Opcode op) {
  ValueId data = n.in(0), updates = n.in(2);
  const Shape s = n.shape(data);
  const int64_t size = n.numel(data), m = n.numel(updates);
  ValueId result = n.reshape(data, {size});
  updates = n.reshape(updates, {m});
  std::vector<bool> done(m, false);
  for (int64_t left = m; left > 0 && !n.failed();) {
    // As many updates as meet no other one of this step.
    std::vector<int64_t> from(size, -1), touched(size, 0);
    for (int64_t i = 0; i < m; ++i)
      if (!done[i] && from[positions[i]] < 0) {
        from[positions[i]] = i;
        touched[positions[i]] = 1;
        done[i] = true;
        --left;
      }
    ValueId step = n.take(updates, std::move(from), {size});
    if (op == Opcode::Add)
      result = n.add(result, step);
    else
      result = n.select(n.bools(std::move(touched), {size}),
                        n.binary(op, result, step), result);
  }
  n.out(n.reshape(result, s));
}

/// data with updates[i] at flat position positions[i]; the last one wins
/// unless the node reduces.
static void overwrite(NodeReader &n, const std::vector<int64_t> &positions) {
  const std::string how = n.attrStr("reduction", "none");
  if (!n.failed() && how != "none" &&
      n.numel(n.in(2)) == static_cast<int64_t>(positions.size()) &&
      !n.tooLarge(n.numel(n.in(0)))) {
    if (how == "add")
      return combine(n, positions, Opcode::Add);
    if (how == "mul")
      return combine(n, positions, Opcode::Mul);
    if (how == "max")
      return combine(n, positions, Opcode::Max);
    if (how == "min")
      return combine(n, positions, Opcode::Min);
    return n.fail("attribute 'reduction' is " + how);
  }
  ValueId data = n.in(0), updates = n.in(2);
  if (n.failed())
    return;
  const Shape s = n.shape(data);
  const int64_t size = n.numel(data), m = n.numel(updates);
  if (m != static_cast<int64_t>(positions.size()))
    return n.fail("updates of shape " + shapeStr(n.shape(updates)) +
                  " do not fit the indices");
  if (n.tooLarge(size))
    return;
  std::vector<int64_t> from(size);
  for (int64_t i = 0; i < size; ++i)
    from[i] = i;
  for (int64_t i = 0; i < m; ++i)
    from[positions[i]] = size + i;
  // Everything overwritten: the data do not matter.
  if (llvm::all_of(from, [&](int64_t f) { return f >= size; })) {
    bool inOrder = m == size;
    for (int64_t i = 0; i < size; ++i) {
      from[i] -= size;
      inOrder &= from[i] == i;
    }
    return n.out(inOrder ? n.reshape(updates, s)
                         : n.take(n.reshape(updates, {m}), std::move(from), s));
  }
  ValueId both =
      n.concat({n.reshape(data, {size}), n.reshape(updates, {m})}, 0);
  n.out(n.take(both, std::move(from), s));
}

void scatterND(NodeReader &n) {
  const Shape s = n.shape(n.in(0)), si = n.shape(n.in(1));
  auto index = n.knownInts(1, "indices");
  if (n.failed())
    return;
  if (si.empty() || si.back() > static_cast<int64_t>(s.size()))
    return n.fail("indices of shape " + shapeStr(si) + " for data of shape " +
                  shapeStr(s));
  if (n.tooLarge(n.numel(n.in(2))) ||
      ir::numelOf(Ints(si).drop_back()) *
              ir::numelOf(Ints(s).drop_front(si.back())) !=
          n.numel(n.in(2)))
    return n.fail("updates of shape " + shapeStr(n.shape(n.in(2))) +
                  " do not fit the indices");
  overwrite(n, expandBlocks(blockPositions(n, s, si, index, 0),
                            ir::numelOf(Ints(s).drop_front(si.back()))));
}

void scatterElements(NodeReader &n) {
  const Shape s = n.shape(n.in(0)), si = n.shape(n.in(1));
  const int64_t axis = n.axis(n.attrInt("axis", 0), s.size());
  auto index = n.knownInts(1, "indices");
  if (s.size() != si.size())
    n.fail("indices and data differ in rank");
  if (!n.failed())
    overwrite(n, elementPositions(n, s, si, index, axis));
}

void oneHot(NodeReader &n) {
  ValueId indices = n.in(0);
  const double depthValue = n.knownNumber(1, "depth");
  const int64_t rank = n.rank(indices) + 1;
  const int64_t axis = n.axis(n.attrInt("axis", -1), rank);
  if (n.failed())
    return;
  if (!(depthValue >= 1 && depthValue <= kMaxFoldedElements))
    return n.fail("input 1 (depth) must be positive");
  if (n.numel(n.in(2)) != 2)
    return n.fail("input 2 (values) must have two elements");
  const int64_t depth = static_cast<int64_t>(depthValue);
  Shape at = n.shape(indices), along(rank, 1);
  at.insert(at.begin() + axis, 1);
  along[axis] = depth;
  std::vector<int64_t> rows(depth);
  for (int64_t i = 0; i < depth; ++i)
    rows[i] = i;
  ValueId index = n.cast(n.reshape(indices, at), Elem::I64);
  // Negative ones count from the end.
  ValueId negative = n.binary(Opcode::Less, index, n.scalar(0, Elem::I64));
  index = n.add(index,
                n.mul(n.cast(negative, Elem::I64), static_cast<double>(depth)));
  ValueId hit = n.binary(Opcode::Equal, index, n.ints(rows, along));
  ValueId values = n.in(2);
  ValueId off = n.reshape(n.slice(values, 0, 0, 1), {});
  ValueId on = n.reshape(n.slice(values, 0, 1, 1), {});
  n.out(n.select(hit, on, off));
}

} // namespace mpc::frontend::ops
