//===- passes/tensor/Gradients.cpp ----------------------------------------===//
#include "passes/tensor/Gradients.h"
#include "ir/Infer.h"
#include <algorithm>

using namespace mpc::ir;

namespace mpc::passes {

Floats spread(const Module &m, const ConstData &c, const Shape &shape) {
  if (c.shape == shape)
    return c.floats;
  Op op;
  op.opcode = Opcode::Broadcast;
  op.type = Type::tensor(Elem::F32, Vis::Public, shape);
  return std::move(llvm::cantFail(evalOp(m, op, {&c})).floats);
}

Floats summed(llvm::ArrayRef<float> g, const Shape &from, const Shape &to) {
  if (from == to)
    return Floats(g.begin(), g.end());
  std::vector<double> sums(numelOf(to), 0);
  const size_t rank = from.size(), lead = rank - to.size();
  llvm::SmallVector<int64_t, 6> stride(rank, 0), index(rank, 0);
  int64_t s = 1;
  for (size_t a = rank; a-- > lead;) {
    stride[a] = to[a - lead] == 1 ? 0 : s;
    s *= to[a - lead];
  }
  int64_t k = 0;
  for (float x : g) {
    sums[k] += x;
    for (size_t a = rank; a-- > 0;) {
      k += stride[a];
      if (++index[a] < from[a])
        break;
      k -= stride[a] * from[a];
      index[a] = 0;
    }
  }
  return Floats(sums.begin(), sums.end());
}

llvm::Expected<std::vector<Floats>> movedBack(const Module &m, const Op &op,
                                              const ConstData *index,
                                              const Floats &g) {
  // The op on the numbers of its operands' elements shows where each came from.
  const size_t parts = index ? 1 : op.operands.size();
  std::vector<ConstData> numbers(parts);
  llvm::SmallVector<const ConstData *, 4> operands;
  std::vector<int64_t> first(parts);
  int64_t next = 1;
  for (size_t i = 0; i < parts; ++i) {
    const Shape &shape = m.type(op.operands[i]).shape;
    first[i] = next;
    numbers[i] = {Elem::I64, shape, {}, std::vector<int64_t>(numelOf(shape))};
    for (int64_t &k : numbers[i].ints)
      k = next++;
    operands.push_back(&numbers[i]);
  }
  if (index)
    operands.push_back(index);
  Op same = op;
  same.type.elem = Elem::I64;
  llvm::Expected<ConstData> from = evalOp(m, same, operands);
  if (!from)
    return from.takeError();
  std::vector<Floats> pulled(parts);
  for (size_t i = 0; i < parts; ++i)
    pulled[i].resize(numbers[i].ints.size());
  for (size_t i = 0; i < g.size(); ++i) {
    if (const int64_t k = from->ints[i]; k > 0) {
      size_t p = parts - 1;
      while (first[p] > k)
        --p;
      pulled[p][k - first[p]] += g[i];
    }
  }
  return pulled;
}

ConstData transposed(const ConstData &x) {
  ConstData t = x;
  const size_t rank = x.shape.size();
  const int64_t rows = x.shape[rank - 2], cols = x.shape[rank - 1];
  std::swap(t.shape[rank - 2], t.shape[rank - 1]);
  for (int64_t base = 0, n = x.numel(); base < n; base += rows * cols)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < cols; ++j)
        t.floats[base + j * rows + i] = x.floats[base + i * cols + j];
  return t;
}

ConstData multiplied(const Module &m, const ConstData &a, const ConstData &b) {
  Op op;
  op.opcode = Opcode::MatMul;
  const size_t rank = std::max(a.shape.size(), b.shape.size());
  Shape shape(rank, 1);
  for (const ConstData *c : {&a, &b})
    for (size_t i = 0; i + 2 < c->shape.size(); ++i) {
      int64_t &d = shape[rank - c->shape.size() + i];
      d = std::max(d, c->shape[i]);
    }
  shape[rank - 2] = a.shape[a.shape.size() - 2];
  shape[rank - 1] = b.shape.back();
  op.type = Type::tensor(Elem::F32, Vis::Public, shape);
  return llvm::cantFail(evalOp(m, op, {&a, &b}));
}

} // namespace mpc::passes
