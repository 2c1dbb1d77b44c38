//===- passes/tensor/PackScores.cpp - masked scores do not exist ----------===//
//   %2 = matmul %q, %k       : 8x8      %q0, %k0 = rows 0-1, columns 0-1
//   %3 = mul %2, 0.125                  %s0 = matmul %q0, %k0        : 2x2
//   %4 = softmax %3, causal        ==>  ... a block for every few rows
//   %5 = matmul %4, %v                  %l = the 36 live lanes of all %s
//                                       %p = softmax (mul %l, 0.125)
//                                            {segments = [1, 2, ..., 8]}
//                                       %5 = concat (matmul %p0, %v0), ...
// Stage: tensor, before cse, after masks have become operands of softmax and
// nonlinearities maps. The lanes that a public mask leaves, of all rows, lie
// one after the other ("packed"): scale, bias, maximum, exp and sums see no
// other. The two products are cut into blocks of rows, each with the columns
// that its rows attend to: as few blocks as keep products within 1/16 of the
// live lanes, or more where the network profile finds that cheaper. A row
// without any live lane attends uniformly to all columns, as before. Lanes
// that live in one batch entry only keep the mask.
// Refuses: masks that leave nearly all lanes, and softmaxes that anything but
// left operands of products reads (a probability that is an output).
// Tests: tests/lit/passes/pack-scores/
#include "ir/Builder.h"
#include "ir/Eval.h"
#include "passes/BroadcastConstant.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"
#include "llvm/ADT/BitVector.h"
#include <map>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

constexpr int64_t kMostBlocks = 32;
/// Boundaries between blocks are looked for at this many rows.
constexpr int64_t kMostCuts = 256;
/// Instructions that one more block takes.
constexpr double kBlockInstructions = 10;
/// Bytes of a dealt element of a product, about.
constexpr double kElementBytes = 5;

struct Block {
  int64_t first, end;           ///< rows
  std::vector<int64_t> columns; ///< ascending
  int64_t lanes() const {
    return (end - first) * static_cast<int64_t>(columns.size());
  }
};

/// Which lanes of [rows, columns] live, and where they lie when packed.
struct Layout {
  int64_t rows, columns;
  std::vector<llvm::BitVector> live; ///< a row each
  std::vector<int64_t> row, column;  ///< of each lane, in packed order
  std::vector<int64_t> segments;     ///< lanes of each row
  std::vector<Block> blocks;
  int64_t lanes() const { return static_cast<int64_t>(row.size()); }
};

std::vector<int64_t> columnsOf(const llvm::BitVector &v) {
  std::vector<int64_t> result;
  for (unsigned c : v.set_bits())
    result.push_back(c);
  return result;
}

Shape withLast(llvm::ArrayRef<int64_t> lead, llvm::ArrayRef<int64_t> last) {
  Shape s(lead.begin(), lead.end());
  s.append(last.begin(), last.end());
  return s;
}

class PackScores {
public:
  PackScores(Module &m, Context &ctx) : m_(m), ctx_(ctx) {}

  llvm::Error run() {
    uses_ = m_.useCounts();
    readers_.resize(m_.numValues());
    for (ValueId v : m_.order())
      for (size_t i = 0; i < m_.op(v).operands.size(); ++i)
        readers_[m_.op(v).operands[i].index].push_back({v, i});
    for (const Output &o : m_.outputs())
      readers_[o.value.index].push_back({ValueId{}, 0});

    std::map<uint32_t, ValueId> softmaxOf; // product -> softmax to be packed
    for (ValueId v : m_.order())
      if (m_.op(v).opcode == Opcode::Softmax)
        if (std::optional<std::vector<ValueId>> products = productsOf(v);
            products && !products->empty())
          if (std::optional<Layout> layout = layoutOf(v, (*products)[0])) {
            layouts_.emplace(v.index, std::move(*layout));
            for (ValueId p : *products)
              softmaxOf[p.index] = v;
          }

    return tryRewriteEach(
               m_,
               [&](ValueId v) -> llvm::Expected<std::optional<ValueId>> {
                 auto it = softmaxOf.find(v.index);
                 if (it == softmaxOf.end())
                   return std::nullopt;
                 return multiply(v, it->second);
               })
        .takeError();
  }

private:
  /// Whether v is x with other leading dimensions.
  bool keepsLastTwo(ValueId v) const {
    const Op &op = m_.op(v);
    if (op.opcode != Opcode::Reshape)
      return false;
    const Shape &to = op.type.shape, &from = m_.type(op.operands[0]).shape;
    return to.size() >= 2 && from.size() >= 2 &&
           std::equal(to.end() - 2, to.end(), from.end() - 2);
  }

  /// The products whose left operand v is, perhaps with other leading
  /// dimensions; nothing if something else reads it.
  std::optional<std::vector<ValueId>> productsOf(ValueId v) const {
    std::vector<ValueId> result;
    for (const auto &[reader, i] : readers_[v.index]) {
      if (!reader.valid())
        return std::nullopt;
      if (m_.op(reader).opcode == Opcode::MatMul && i == 0 &&
          m_.op(reader).operands[1] != v) {
        result.push_back(reader);
        continue;
      }
      if (!keepsLastTwo(reader))
        return std::nullopt;
      std::optional<std::vector<ValueId>> more = productsOf(reader);
      if (!more)
        return std::nullopt;
      result.insert(result.end(), more->begin(), more->end());
    }
    return result;
  }

  std::optional<Layout> layoutOf(ValueId softmax, ValueId product) const {
    const Op &op = m_.op(softmax);
    const Shape &shape = op.type.shape;
    if (op.operands.size() < 2 || shape.size() < 2 || op.hasAttr("segments") ||
        op.type.isPublic() ||
        op.intAttr("axis") + 1 != static_cast<int64_t>(shape.size()))
      return std::nullopt;
    const ConstData *mask = m_.constantOf(op.operands[1]);
    if (!mask)
      return std::nullopt;
    Layout l;
    l.rows = shape[shape.size() - 2];
    l.columns = shape.back();
    if (l.rows == 0 || l.columns == 0)
      return std::nullopt;
    l.live.assign(l.rows, llvm::BitVector(l.columns));
    Shape full = shape; // leading dimensions that the mask does not have
    const ConstData bits = broadcastConstant(
        *mask, mask->shape.size() < 2 ? Shape(full.end() - 2, full.end())
                                      : maskShape(mask->shape, full));
    const int64_t area = l.rows * l.columns;
    for (int64_t at = 0, n = bits.numel(); at < n; at += area)
      for (int64_t r = 0; r < l.rows; ++r) {
        bool any = false;
        for (int64_t c = 0; c < l.columns; ++c)
          if (bits.ints[at + r * l.columns + c]) {
            l.live[r].set(c);
            any = true;
          }
        if (!any) // attends uniformly
          l.live[r].set();
      }
    for (int64_t r = 0; r < l.rows; ++r) {
      l.segments.push_back(l.live[r].count());
      for (int64_t c : columnsOf(l.live[r])) {
        l.row.push_back(r);
        l.column.push_back(c);
      }
    }
    if (l.lanes() * 8 > area * 7)
      return std::nullopt;
    cut(l, numelOf(shape) / area, m_.type(product).shape.back());
    return l;
  }
  /// The mask's leading dimensions, the last two of the scores.
  static Shape maskShape(const Shape &mask, const Shape &scores) {
    return withLast(llvm::ArrayRef(mask).drop_back(2),
                    llvm::ArrayRef(scores).take_back(2));
  }

  /// Chooses the blocks. `batch` products of `width` columns each way.
  void cut(Layout &l, int64_t batch, int64_t width) const {
    const int64_t step = (l.rows + kMostCuts - 1) / kMostCuts;
    std::vector<int64_t> cuts;
    for (int64_t r = 0; r < l.rows; r += step)
      cuts.push_back(r);
    cuts.push_back(l.rows);
    const size_t n = cuts.size() - 1;
    // area[i][j]: lanes of a block from cut i to cut j.
    std::vector<std::vector<int64_t>> area(n, std::vector<int64_t>(n + 1, 0));
    for (size_t i = 0; i < n; ++i) {
      llvm::BitVector all(l.columns);
      for (size_t j = i + 1; j <= n; ++j) {
        for (int64_t r = cuts[j - 1]; r < cuts[j]; ++r)
          all |= l.live[r];
        area[i][j] = (cuts[j] - cuts[i]) * all.count();
      }
    }
    const plan::Profile &p = ctx_.options.profile;
    const double macs = 2 * static_cast<double>(width) * 2.5;
    const double lanePrice =
        static_cast<double>(batch) * (p.workSeconds(macs * p.machine.macU64) +
                                      kElementBytes * p.dealtByteSeconds());
    const double blockPrice =
        p.workSeconds(kBlockInstructions * p.machine.instruction, 3);
    // least[k][j]: lanes of the first j pieces in k blocks.
    const size_t most = std::min<size_t>(kMostBlocks, n);
    constexpr int64_t kNone = INT64_MAX / 2;
    std::vector<std::vector<int64_t>> least(most + 1,
                                            std::vector<int64_t>(n + 1, kNone));
    std::vector<std::vector<size_t>> from(most + 1,
                                          std::vector<size_t>(n + 1, 0));
    least[0][0] = 0;
    size_t chosen = 0;
    double chosenPrice = 0;
    for (size_t k = 1; k <= most; ++k) {
      for (size_t j = k; j <= n; ++j)
        for (size_t i = k - 1; i < j; ++i)
          if (least[k - 1][i] + area[i][j] < least[k][j]) {
            least[k][j] = least[k - 1][i] + area[i][j];
            from[k][j] = i;
          }
      const double price = static_cast<double>(least[k][n]) * lanePrice +
                           static_cast<double>(k) * blockPrice;
      const bool tight = least[k][n] * 16 <= l.lanes() * 17;
      if (!(tight || k == most) || (chosen != 0 && price >= chosenPrice))
        continue;
      chosen = k;
      chosenPrice = price;
    }
    for (size_t k = chosen, j = n; k > 0; j = from[k][j], --k) {
      const int64_t first = cuts[from[k][j]], end = cuts[j];
      llvm::BitVector all(l.columns);
      for (int64_t r = first; r < end; ++r)
        all |= l.live[r];
      l.blocks.insert(l.blocks.begin(), {first, end, columnsOf(all)});
    }
  }

  // --- packed values --------------------------------------------------------

  /// Some entries of one axis.
  ValueId entries(Builder &b, ValueId v, int64_t axis, int64_t first,
                  int64_t end) {
    Shape starts(b.shape(v).size(), 0), sizes(b.shape(v)),
        steps(starts.size(), 1);
    if (first == 0 && end == sizes[axis])
      return v;
    starts[axis] = first;
    sizes[axis] = end - first;
    return b.slice(v, starts, sizes, steps);
  }
  ValueId entries(Builder &b, ValueId v, int64_t axis,
                  const std::vector<int64_t> &which) {
    const int64_t n = static_cast<int64_t>(which.size());
    if (which.back() - which.front() + 1 == n)
      return entries(b, v, axis, which.front(), which.back() + 1);
    const Shape shape(b.shape(v));
    const int64_t outer = numelOf(llvm::ArrayRef(shape).take_front(axis)),
                  inner = numelOf(llvm::ArrayRef(shape).drop_front(axis + 1));
    Shape to = shape;
    to[axis] = n;
    std::vector<int64_t> index;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i : which)
        for (int64_t k = 0; k < inner; ++k)
          index.push_back((o * shape[axis] + i) * inner + k);
    return b.take(v, std::move(index), to);
  }

  /// [..., rows, columns], or one that broadcasts to it, as [..., lanes].
  llvm::Expected<ValueId> packed(ValueId v, const Layout &l) {
    const Op op = m_.op(v);
    const Shape &shape = op.type.shape;
    const size_t rank = shape.size();
    const bool full =
        rank >= 2 && shape[rank - 2] == l.rows && shape[rank - 1] == l.columns;
    const bool mine = full && v.index < uses_.size() && uses_[v.index] == 1 &&
                      !m_.constantOf(v);
    Builder b(m_, op.loc);
    if (!mine)
      return pick(b, v, l);
    const Shape to = withLast(llvm::ArrayRef(shape).drop_back(2), {l.lanes()});
    if (op.opcode == Opcode::MatMul)
      return scores(b, op, l);
    if (keepsLastTwo(v)) {
      llvm::Expected<ValueId> x = packed(op.operands[0], l);
      return x ? b.reshape(*x, to) : std::move(x);
    }
    if (!isElementwise(op.opcode) && op.opcode != Opcode::Map)
      return pick(b, v, l);
    auto operands = packedOperands(op, l);
    if (!operands)
      return operands.takeError();
    const ValueId r = b.create(op.opcode, *operands, op.type.elem, to);
    m_.op(r).attrs = op.attrs;
    return r;
  }

  /// The lanes of a value as it is.
  llvm::Expected<ValueId> pick(Builder &b, ValueId v, const Layout &l) {
    const Shape shape(b.shape(v));
    const int64_t columns = shape.empty() ? 1 : shape.back(),
                  rows = shape.size() < 2 ? 1 : shape[shape.size() - 2];
    const Shape lead(shape.begin(),
                     shape.end() - std::min<size_t>(shape.size(), 2));
    if (rows == 1 && columns == 1)
      return shape.size() < 2 ? v : b.reshape(v, withLast(lead, {1}));
    std::vector<int64_t> index;
    for (int64_t o = 0, n = numelOf(lead); o < n; ++o)
      for (int64_t i = 0; i < l.lanes(); ++i)
        index.push_back((o * rows + (rows == 1 ? 0 : l.row[i])) * columns +
                        (columns == 1 ? 0 : l.column[i]));
    const ValueId r = b.take(v, std::move(index), withLast(lead, {l.lanes()}));
    const ConstData *c = m_.constantOf(v);
    if (!c)
      return r;
    llvm::Expected<ConstData> value = evalOp(m_, m_.op(r), {c});
    if (!value)
      return value.takeError();
    return m_.constant(std::move(*value), m_.type(v).vis, m_.op(v).loc);
  }

  /// The lanes of a product, computed in blocks.
  ValueId scores(Builder &b, const Op &op, const Layout &l) {
    const ValueId q = op.operands[0], k = op.operands[1];
    const llvm::ArrayRef<int64_t> lead =
        llvm::ArrayRef(op.type.shape).drop_back(2);
    std::vector<ValueId> parts;
    std::vector<int64_t> live; // within the joined blocks
    int64_t at = 0;
    for (const Block &block : l.blocks) {
      const ValueId rows =
          entries(b, q, m_.type(q).rank() - 2, block.first, block.end);
      const ValueId columns =
          entries(b, k, m_.type(k).rank() - 1, block.columns);
      parts.push_back(
          b.reshape(b.matmul(rows, columns), withLast(lead, {block.lanes()})));
      for (int64_t r = block.first; r < block.end; ++r)
        for (int64_t c : block.columns) {
          if (l.live[r].test(c))
            live.push_back(at);
          ++at;
        }
    }
    const ValueId all =
        parts.size() == 1 ? parts[0]
                          : b.concat(parts, static_cast<int64_t>(lead.size()));
    if (at == l.lanes())
      return all;
    std::vector<int64_t> index;
    for (int64_t o = 0, n = numelOf(lead); o < n; ++o)
      for (int64_t i : live)
        index.push_back(o * at + i);
    return b.take(all, std::move(index), withLast(lead, {l.lanes()}));
  }

  llvm::Expected<llvm::SmallVector<ValueId, 3>>
  packedOperands(const Op &op, const Layout &l) {
    llvm::SmallVector<ValueId, 3> result;
    for (ValueId o : op.operands) {
      llvm::Expected<ValueId> x = packed(o, l);
      if (!x)
        return x.takeError();
      result.push_back(*x);
    }
    return result;
  }

  llvm::Expected<ValueId> packedSoftmax(ValueId softmax) {
    if (auto it = packed_.find(softmax.index); it != packed_.end())
      return it->second;
    const Layout &l = layouts_.at(softmax.index);
    const Op op = m_.op(softmax);
    Builder b(m_, op.loc);
    auto operands = packedOperands(op, l);
    if (!operands)
      return operands.takeError();
    const ConstData &mask = *m_.constantOf((*operands)[1]);
    if (operands->size() == 2 &&
        llvm::all_of(mask.ints, [](int64_t bit) { return bit != 0; }))
      operands->pop_back();
    const Shape to =
        withLast(llvm::ArrayRef(op.type.shape).drop_back(2), {l.lanes()});
    const ValueId r = b.create(Opcode::Softmax, *operands, Elem::F32, to);
    m_.op(r).setAttr("axis", static_cast<int64_t>(to.size()) - 1);
    m_.op(r).setAttr("segments", l.segments);
    packed_[softmax.index] = r;
    return r;
  }

  /// The product v of a softmax (or a reshaping of it) and a matrix.
  llvm::Expected<ValueId> multiply(ValueId v, ValueId softmax) {
    llvm::Expected<ValueId> p = packedSoftmax(softmax);
    if (!p)
      return p;
    const Layout &l = layouts_.at(softmax.index);
    const Op op = m_.op(v);
    const llvm::ArrayRef<int64_t> lead =
        llvm::ArrayRef(m_.type(op.operands[0]).shape).drop_back(2);
    const Shape leadShape(lead.begin(), lead.end());
    const int64_t outer = numelOf(leadShape);
    Builder b(m_, op.loc);
    std::vector<ValueId> parts;
    int64_t before = 0; // lanes of earlier rows
    for (const Block &block : l.blocks) {
      std::vector<int64_t> places; // of the block's lanes, -1: dead
      for (int64_t r = block.first; r < block.end; ++r)
        for (int64_t c : block.columns)
          places.push_back(l.live[r].test(c) ? before++ : -1);
      std::vector<int64_t> index;
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i : places)
          index.push_back(i < 0 ? -1 : o * l.lanes() + i);
      const ValueId rows = b.take(
          *p, std::move(index),
          withLast(leadShape, {block.end - block.first,
                               static_cast<int64_t>(block.columns.size())}));
      const ValueId right = op.operands[1];
      parts.push_back(b.matmul(
          rows, entries(b, right, m_.type(right).rank() - 2, block.columns)));
    }
    return parts.size() == 1 ? parts[0] : b.concat(parts, op.type.rank() - 2);
  }

  Module &m_;
  Context &ctx_;
  std::vector<uint32_t> uses_;
  std::vector<std::vector<std::pair<ValueId, size_t>>> readers_;
  std::map<uint32_t, Layout> layouts_; ///< by softmax
  std::map<uint32_t, ValueId> packed_; ///< by softmax
};

} // namespace

llvm::Error packScores(Module &m, Context &ctx) {
  return PackScores(m, ctx).run();
}

} // namespace mpc::passes
