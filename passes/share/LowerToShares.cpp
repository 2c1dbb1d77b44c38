//===- passes/share/LowerToShares.cpp - fixed point on shares -------------===//
//   %2 = fixed.mul %0, %1          %2 = share.mul %0, %1   : additive<41,30,6>
//   %3 = fixed.trunc %2      ==>   %3 = share.trunc %2     : masked<26,15,6>
// Stage: fixed -> share, after assign-rings. Every fixed op becomes protocol
// steps with at most one exchange each; forms are converted where an op needs
// the other one: masked -> additive is free, additive -> masked is an exchange
// (share.trunc with bits = 0). A maximum is a tree of comparisons, a
// selection b + c * (a - b), a secret gather a one-hot row times the table: in
// the ring, or, of an owner's large table, over Z_2 on its XOR-masked words.
// Tests: tests/lit/passes/lower-to-shares/
#include "ir/Builder.h"
#include "passes/BroadcastConstant.h"
#include "passes/Comparison.h"
#include "passes/OwnersTable.h"
#include "passes/Pass.h"
#include "runtime/plan/Digits.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <map>
#include <optional>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

class Lowering {
public:
  Lowering(const Module &in, const plan::Profile &profile)
      : in_(in), profile_(profile), out_(in.name(), Level::Share), b_(out_),
        map_(in.numValues()) {}

  llvm::Expected<Module> run() {
    for (ValueId v : in_.order()) {
      loc_ = in_.op(v).loc;
      b_.setLoc(loc_);
      if (llvm::Error e = convert(v))
        return e;
      if (out_.type(map_[v.index]).isFx() && !out_.op(map_[v.index]).range)
        out_.op(map_[v.index]).range = in_.op(v).range;
      if (in_.op(v).hasAttr("partial"))
        out_.op(map_[v.index]).setAttr("partial", in_.op(v).intAttr("partial"));
    }
    for (const Output &o : in_.outputs()) {
      loc_ = in_.op(o.value).loc;
      ValueId v = map_[o.value.index];
      if (!out_.type(v).isPublic())
        v = masked(v);
      out_.outputs().push_back({o.name, v, o.elem});
    }
    out_.removeDead();
    return std::move(out_);
  }

private:
  // --- types and forms
  // ----------------------------------------------------------

  Form formOf(ValueId v) const { return out_.type(v).form; }
  int ringOf(ValueId v) const { return out_.type(v).ring; }
  bool isPublic(ValueId v) const { return out_.type(v).isPublic(); }

  Type shareType(Form form, const Type &like) const {
    Type t = like;
    t.elem = Elem::Fx;
    t.form = form;
    return t;
  }
  Type bitsType(const Shape &shape) const {
    Type t = Type::tensor(Elem::Bool, Vis::Secret, shape);
    t.form = Form::Bits;
    return t;
  }
  ValueId emit(Opcode op, llvm::ArrayRef<ValueId> operands, Type t) {
    for (ValueId o : operands) // bits are secret, also those of weights
      t.vis = join(t.vis, out_.type(o).vis);
    return out_.append(op, operands, t, loc_);
  }

  ValueId masked(ValueId v) {
    if (formOf(v) != Form::Additive)
      return v;
    auto [it, fresh] = masked_.try_emplace(v.index, ValueId{});
    if (fresh) {
      const ValueId r =
          emit(Opcode::ShareTrunc, {v}, shareType(Form::Masked, out_.type(v)));
      out_.op(r).setAttr("bits", int64_t{0});
      masked_[v.index] = r;
    }
    return masked_[v.index];
  }
  ValueId additive(ValueId v) {
    if (formOf(v) != Form::Masked)
      return v;
    return emit(Opcode::ShareToAdditive, {v},
                shareType(Form::Additive, out_.type(v)));
  }
  /// Drops top bits; public constants are encoded in the ring asked for.
  ValueId inRing(ValueId v, int ring) {
    if (ringOf(v) == ring)
      return v;
    Type t = out_.type(v);
    t.ring = static_cast<uint8_t>(ring);
    t.intBits = std::min<int16_t>(t.intBits, ring - t.frac - 1);
    if (!isPublic(v))
      return emit(Opcode::ShareDrop, {v}, t);
    const Op op = out_.op(v);
    const ValueId c = emit(op.opcode, op.operands, t);
    out_.op(c).attrs = op.attrs;
    out_.op(c).range = op.range;
    return c;
  }
  ValueId operand(const Op &op, int i, int ring) {
    return inRing(map_[op.operands[i].index], ring);
  }

  // --- comparisons
  // ----------------------------------------------------------------

  /// Bits of x < 0, x in `window` bits after its low `drop` bits are cut.
  ValueId sign(ValueId x, int window, int drop) {
    window = std::max(window, 2);
    const int digit = cheapestDigit(window, profile_);
    Shape planes = out_.type(x).shape;
    planes.insert(planes.begin(), plan::planeCount(window, digit));
    const ValueId d = emit(Opcode::ShareDigits, {x}, bitsType(planes));
    const ValueId s =
        emit(Opcode::ShareSign, {d, x}, bitsType(out_.type(x).shape));
    for (ValueId v : {d, s}) {
      out_.op(v).setAttr("window", int64_t{window});
      out_.op(v).setAttr("drop", int64_t{drop});
      out_.op(v).setAttr("digit", int64_t{digit});
    }
    return s;
  }

  /// bit * x, additive, for bits and masked x of one shape.
  ValueId bitTimes(ValueId bit, ValueId x) {
    return emit(Opcode::ShareBitMul, {bit, masked(x)},
                shareType(Form::Additive, out_.type(x)));
  }

  /// Maximum of a and b (same type, masked), right up to 2^drop ulps.
  ValueId larger(ValueId a, ValueId b, int window, int drop) {
    Type t = out_.type(a);
    t.intBits = std::min<int>(t.intBits + 1, t.ring - t.frac - 1);
    const ValueId d = emit(Opcode::ShareSub, {a, b}, t);
    return keepLarger(a, sign(d, window, drop), d);
  }

  ValueId reduceMax(ValueId x, const Op &op) {
    const Range r = in_.op(op.operands[0]).range.value_or(Range{0, 0});
    const int frac = out_.type(x).frac;
    const double width = r.second - r.first;
    const int intBits = width > 0 ? std::ilogb(width) + 1 : 1;
    const int drop =
        op.hasAttr("slack")
            ? std::max<int>(0, frac - static_cast<int>(op.intAttr("slack")))
            : 0;
    const int window =
        std::min<int>(intBits + frac - drop + 2, ringOf(x) - drop);
    x = masked(x);
    if (op.hasAttr("segments"))
      return segmentMax(x, op, window, drop);
    for (int64_t axis : op.intsAttr("axes"))
      for (int64_t n; (n = out_.type(x).shape[axis]) > 1;)
        x = n >= 4 && fourAtOnce(out_.type(x).numel() / 4, window, profile_)
                ? winnersOfFour(x, axis, window, drop)
                : winnersOfTwo(x, axis, window, drop);
    return b_.reshape(x, op.type.shape);
  }

  ValueId winnersOfTwo(ValueId x, int64_t axis, int window, int drop) {
    const int64_t n = out_.type(x).shape[axis], half = n / 2;
    const ValueId m =
        larger(part(x, axis, 0, half), part(x, axis, half, half), window, drop);
    return n % 2 ? b_.concat({m, part(x, axis, n - 1, 1)}, axis) : m;
  }

  /// Two levels of the tree in four rounds instead of six: all comparisons at
  /// once, then both winners while bit_mux finds who wins between them.
  ValueId winnersOfFour(ValueId x, int64_t axis, int window, int drop) {
    const int64_t n = out_.type(x).shape[axis], quarter = n / 4;
    ValueId p[4];
    for (int i = 0; i < 4; ++i)
      p[i] = part(x, axis, i * quarter, quarter);
    const ValueId m = largestOfFour(p, axis, window, drop);
    if (n % 4 == 0)
      return m;
    return b_.concat({m, part(x, axis, 4 * quarter, n % 4)}, axis);
  }

  ValueId largestOfFour(const ValueId (&p)[4], int64_t axis, int window,
                        int drop) {
    const int64_t quarter = out_.type(p[0]).shape[axis];
    Type wide = out_.type(p[0]);
    wide.intBits = std::min<int>(wide.intBits + 1, wide.ring - wide.frac - 1);
    // The six differences go through one comparison.
    constexpr std::pair<int, int> kPairs[] = {{0, 1}, {2, 3}, {0, 2},
                                              {0, 3}, {1, 2}, {1, 3}};
    llvm::SmallVector<ValueId, 6> d;
    for (auto [i, j] : kPairs)
      d.push_back(emit(Opcode::ShareSub, {p[i], p[j]}, wide));
    const ValueId less = sign(b_.concat(d, axis), window, drop);
    llvm::SmallVector<ValueId, 6> bit;
    for (int i = 0; i < 6; ++i)
      bit.push_back(part(less, axis, i * quarter, quarter));
    // bit 0: p0 < p1, bit 1: p2 < p3; the other four are the final's.
    const ValueId final = emit(Opcode::ShareBitMux,
                               {bit[0], bit[1], bit[2], bit[3], bit[4], bit[5]},
                               bitsType(out_.type(bit[0]).shape));
    const ValueId a = keepLarger(p[0], bit[0], d[0]);
    const ValueId b = keepLarger(p[2], bit[1], d[1]);
    return keepLarger(a, final, emit(Opcode::ShareSub, {a, b}, wide));
  }

  /// The maximum of each segment of the last axis. All segments go through one
  /// tree, a level of groups of four at a time (of three or two elements, some
  /// of them twice); pairs meet in two.
  ValueId segmentMax(ValueId x, const Op &op, int window, int drop) {
    using Places = std::vector<int64_t>; // along the last axis of x
    std::vector<Places> segments;
    int64_t next = 0;
    for (int64_t length : op.intsAttr("segments")) {
      segments.emplace_back(length);
      for (int64_t &place : segments.back())
        place = next++;
    }
    auto isDone = [](const Places &s) { return s.size() == 1; };
    while (!llvm::all_of(segments, isDone)) {
      const bool inFours =
          fourAtOnce(out_.type(x).numel() / 4, window, profile_);
      Places four[4], two[2], one;
      for (const Places &s : segments) {
        const size_t n = s.size(), rest = n % 4;
        if (n == 2 || !inFours) {
          for (size_t i = 0; i + 1 < n; i += 2) {
            two[0].push_back(s[i]);
            two[1].push_back(s[i + 1]);
          }
          if (n % 2)
            one.push_back(s.back());
          continue;
        }
        for (size_t i = 0; i + 1 < n; i += 4)
          for (size_t k = 0; k < 4; ++k)
            four[k].push_back(s[std::min(i + k, n - 1)]);
        if (rest == 1)
          one.push_back(s.back());
      }
      llvm::SmallVector<ValueId, 3> parts;
      const int64_t axis = out_.type(x).rank() - 1;
      if (!four[0].empty()) {
        const ValueId p[] = {places(x, four[0]), places(x, four[1]),
                             places(x, four[2]), places(x, four[3])};
        parts.push_back(largestOfFour(p, axis, window, drop));
      }
      if (!two[0].empty())
        parts.push_back(
            larger(places(x, two[0]), places(x, two[1]), window, drop));
      if (!one.empty())
        parts.push_back(places(x, one));
      // The new places, in the order in which the old ones were collected.
      int64_t fours = 0, twos = four[0].size(), ones = twos + two[0].size();
      for (Places &s : segments) {
        const size_t n = s.size();
        s.clear();
        if (n == 2 || !inFours) {
          for (size_t i = 0; i + 1 < n; i += 2)
            s.push_back(twos++);
          if (n % 2)
            s.push_back(ones++);
          continue;
        }
        for (size_t i = 0; i + 1 < n; i += 4)
          s.push_back(fours++);
        if (n % 4 == 1)
          s.push_back(ones++);
      }
      x = parts.size() == 1 ? parts[0] : b_.concat(parts, axis);
    }
    Places result;
    for (const Places &s : segments)
      result.push_back(s[0]);
    return places(x, result);
  }

  /// x at some places of its last axis.
  ValueId places(ValueId x, llvm::ArrayRef<int64_t> at) {
    Shape shape = out_.type(x).shape;
    const int64_t n = shape.back(), outer = out_.type(x).numel() / n;
    if (static_cast<int64_t>(at.size()) == n && llvm::is_sorted(at))
      return x;
    std::vector<int64_t> index;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i : at)
        index.push_back(o * n + i);
    shape.back() = static_cast<int64_t>(at.size());
    return b_.take(x, std::move(index), shape);
  }

  /// a if not `less`, else a - difference.
  ValueId keepLarger(ValueId a, ValueId less, ValueId difference) {
    const ValueId excess = masked(bitTimes(less, difference));
    return emit(Opcode::ShareSub, {a, excess}, out_.type(a));
  }

  using Range = std::pair<double, double>;

  ValueId part(ValueId x, int64_t axis, int64_t start, int64_t size) {
    Shape sizes = out_.type(x).shape, starts(sizes.size(), 0),
          steps(sizes.size(), 1);
    starts[axis] = start;
    sizes[axis] = size;
    return b_.slice(x, starts, sizes, steps);
  }

  // --- ops
  // --------------------------------------------------------------------------

  llvm::Error fail(const Op &op, const char *what) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                   llvm::formatv("node '{0}' ({1}): {2}",
                                                 op.loc,
                                                 info(op.opcode).mnemonic, what)
                                       .str()
                                       .c_str());
  }

  void sum(ValueId v, const Op &op, Opcode to) {
    const int ring = op.type.ring;
    ValueId a = operand(op, 0, ring), b = operand(op, 1, ring);
    Form form = isPublic(a) ? formOf(b) : formOf(a);
    if (!isPublic(a) && !isPublic(b) && formOf(a) != formOf(b)) {
      a = additive(a);
      b = additive(b);
      form = Form::Additive;
    }
    map_[v.index] = emit(to, {a, b}, shareType(form, op.type));
  }

  void product(ValueId v, const Op &op, bool matmul) {
    const int ring = op.type.ring;
    ValueId a = operand(op, 0, ring), b = operand(op, 1, ring);
    if (!isPublic(a) && !isPublic(b)) {
      const ValueId r =
          emit(matmul ? Opcode::ShareMatMul : Opcode::ShareMul,
               {masked(a), masked(b)}, shareType(Form::Additive, op.type));
      map_[v.index] = r;
      return;
    }
    const int64_t side = isPublic(a) ? 0 : 1;
    const ValueId x = side == 0 ? b : a;
    const Type t = shareType(formOf(x), op.type);
    if (matmul) {
      map_[v.index] = emit(Opcode::ShareMatMulPublic, {a, b}, t);
      out_.op(map_[v.index]).setAttr("side", side);
    } else {
      map_[v.index] = emit(Opcode::ShareMulPublic, {x, side == 0 ? a : b}, t);
    }
  }

  void select(ValueId v, const Op &op) {
    const int ring = op.type.ring;
    ValueId bit = map_[op.operands[0].index];
    ValueId a = operand(op, 1, ring), b = operand(op, 2, ring);
    bit = b_.broadcast(bit, op.type.shape);
    auto spread = [&](ValueId x) {
      return isPublic(x) ? x : b_.broadcast(x, op.type.shape);
    };
    a = spread(a);
    b = spread(b);
    Type t = shareType(Form::Additive, op.type);
    if (isPublic(a) && isPublic(b)) { // c*a - c*b + b
      const ValueId c = emit(Opcode::ShareFromBits, {bit}, unitType(t));
      const ValueId ca = emit(Opcode::ShareMulPublic, {c, a}, t);
      const ValueId cb = emit(Opcode::ShareMulPublic, {c, b}, t);
      Type wider = t;
      wider.intBits = std::min<int>(t.intBits + 1, t.ring - t.frac - 1);
      const ValueId d = emit(Opcode::ShareSub, {ca, cb}, wider);
      map_[v.index] = emit(Opcode::ShareAdd, {d, b}, t);
      return;
    }
    if (!isPublic(a))
      a = masked(a);
    if (!isPublic(b))
      b = masked(b);
    const Type m = shareType(Form::Masked, op.type);
    // A difference has one more bit than its operands, which may be wider than
    // what is chosen.
    Type wider = m;
    wider.intBits =
        std::min<int>(std::max(out_.type(a).intBits, out_.type(b).intBits) + 1,
                      m.ring - m.frac - 1);
    const ValueId d = emit(Opcode::ShareSub, {a, b}, wider);
    const ValueId chosen = bitTimes(bit, d);
    map_[v.index] =
        emit(Opcode::ShareAdd, {chosen, isPublic(b) ? b : additive(b)}, t);
  }
  static Type unitType(Type t) {
    t.frac = 0;
    t.intBits = 1;
    return t;
  }

  void gather(ValueId v, const Op &op) {
    const int ring = op.type.ring;
    const ValueId index = masked(map_[op.operands[1].index]);
    const int64_t rows = op.intAttr("rows");
    const int64_t n = out_.type(index).numel();
    const ValueId flat = b_.reshape(index, {n});
    const int64_t width = in_.type(op.operands[0]).numel() / rows;
    auto oneHot = [&](Opcode to, Type t) {
      const ValueId hot = emit(to, {flat}, t);
      out_.op(hot).setAttr("rows", rows);
      out_.op(hot).setAttr("window",
                           int64_t{std::max(1u, llvm::Log2_64_Ceil(rows))});
      return hot;
    };
    if (const std::optional<ValueId> weight =
            ownersTable(in_, op.operands[0])) {
      const int bits = ownersWordBits(in_, *weight, ring);
      if (wordsAreCheaper(n, rows, width, bits, ring, profile_)) {
        const ValueId words =
            selectWords(oneHot(Opcode::ShareOneHotBits, bitsType({n, rows})),
                        *weight, {rows, width}, bits);
        Type r = shareType(Form::Additive, op.type);
        r.shape = {n, width};
        map_[v.index] =
            b_.reshape(emit(Opcode::ShareFromWords, {words}, r), op.type.shape);
        return;
      }
    }
    Type t = Type::fx(Vis::Secret, ring, 0, 1, {n, rows});
    t.form = Form::Additive;
    const ValueId table = operand(op, 0, ring);
    const ValueId hot = oneHot(Opcode::ShareOneHot, t);
    const ValueId matrix = b_.reshape(table, {rows, width});
    Type r = shareType(Form::Additive, op.type);
    r.shape = {n, width};
    ValueId result;
    if (isPublic(matrix)) {
      result = emit(Opcode::ShareMatMulPublic, {hot, matrix}, r);
      out_.op(result).setAttr("side", int64_t{1});
    } else {
      result = emit(Opcode::ShareMatMul, {masked(hot), masked(matrix)}, r);
    }
    map_[v.index] = b_.reshape(result, op.type.shape);
  }

  ValueId selectWords(ValueId selector, ValueId weight, const Shape &shape,
                      int bits) {
    const Op &op = in_.op(weight);
    Type t = shareType(Form::Words, op.type);
    t.ring = static_cast<uint8_t>(bits);
    t.intBits = std::min<int>(t.intBits, bits - t.frac - 1);
    t.shape = shape;
    auto [it, fresh] = words_.try_emplace({weight.index, bits}, ValueId{});
    if (fresh) {
      it->second = emit(Opcode::Constant, {}, t);
      ConstData data = in_.constData(op.constAttr("value"));
      data.shape = shape;
      Op &c = out_.op(it->second);
      c.attrs = op.attrs;
      c.setAttr("value", out_.addConst(std::move(data)));
    }
    t.shape[0] = out_.type(selector).shape[0];
    t.vis = Vis::Secret;
    return emit(Opcode::ShareSelectWords, {selector, it->second}, t);
  }

  /// Lanes of a where b, which only the session knows, is true; else 0.
  ValueId lanesOf(ValueId a, ValueId b, const Shape &shape) {
    ConstData all{Elem::I64, shape, {}, {}};
    for (int64_t i = 0, n = out_.type(a).numel(); i < n; ++i)
      all.ints.push_back(i);
    const ValueId lanes =
        b_.select(b_.broadcast(b, shape),
                  b_.constant(std::move(all), Vis::Public), b_.scalarInt(-1));
    return emit(Opcode::Pick, {a, lanes}, bitsType(shape));
  }

  llvm::Error logicalAnd(ValueId v, const Op &op) {
    ValueId a = map_[op.operands[0].index], b = map_[op.operands[1].index];
    if (isPublic(a))
      std::swap(a, b);
    a = b_.broadcast(a, op.type.shape);
    if (isPublic(b) && !out_.constantOf(b)) {
      map_[v.index] = lanesOf(a, b, op.type.shape);
      return llvm::Error::success();
    }
    if (isPublic(b)) { // lanes where the public side is false become 0
      const ConstData full =
          broadcastConstant(*out_.constantOf(b), op.type.shape);
      std::vector<int64_t> lanes;
      for (size_t i = 0; i < full.ints.size(); ++i)
        lanes.push_back(full.ints[i] ? static_cast<int64_t>(i) : -1);
      map_[v.index] = b_.take(a, std::move(lanes), op.type.shape);
      return llvm::Error::success();
    }
    b = b_.broadcast(b, op.type.shape);
    map_[v.index] = emit(Opcode::ShareBitAnd, {a, b}, bitsType(op.type.shape));
    return llvm::Error::success();
  }

  /// What all parties compute when a session starts stays as it is.
  void open(ValueId v, const Op &op) {
    llvm::SmallVector<ValueId, 4> operands;
    for (ValueId o : op.operands)
      operands.push_back(map_[o.index]);
    const ValueId r = emit(op.opcode, operands, op.type);
    for (const auto &[key, attr] : op.attrs) {
      const ConstId *c = std::get_if<ConstId>(&attr);
      out_.op(r).setAttr(key,
                         c ? Attr(out_.addConst(in_.constData(*c))) : attr);
    }
    out_.op(r).range = op.range;
    map_[v.index] = r;
  }

  void movement(ValueId v, const Op &op) {
    llvm::SmallVector<ValueId, 4> parts;
    const int ring = op.type.isFx() ? op.type.ring : 1;
    bool anyAdditive = false;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      ValueId x =
          op.type.isFx() ? operand(op, i, ring) : map_[op.operands[i].index];
      anyAdditive |= formOf(x) == Form::Additive;
      parts.push_back(x);
    }
    if (anyAdditive)
      for (ValueId &x : parts)
        x = additive(x);
    Form form = Form::Masked;
    for (ValueId x : parts)
      if (!isPublic(x))
        form = formOf(x);
    Type t =
        op.type.isFx() ? shareType(form, op.type) : bitsType(op.type.shape);
    if (op.type.isPublic())
      t.form = Form::None;
    const ValueId r = emit(op.opcode, parts, t);
    for (const auto &[key, attr] : op.attrs) {
      const ConstId *c = std::get_if<ConstId>(&attr);
      out_.op(r).setAttr(key,
                         c ? Attr(out_.addConst(in_.constData(*c))) : attr);
    }
    map_[v.index] = r;
  }

  llvm::Error convert(ValueId v) {
    const Op op = in_.op(v);
    const int ring = op.type.ring;
    if (op.type.isPublic() && op.opcode != Opcode::Constant) {
      open(v, op);
      return llvm::Error::success();
    }
    auto copyAttrs = [&](ValueId r) { out_.op(r).attrs = op.attrs; };
    auto simple = [&](Opcode to, ValueId x, Form form) {
      map_[v.index] = emit(to, {x}, shareType(form, op.type));
      copyAttrs(map_[v.index]);
    };
    switch (op.opcode) {
    case Opcode::Input:
      map_[v.index] = emit(Opcode::Input, {}, shareType(Form::Masked, op.type));
      copyAttrs(map_[v.index]);
      break;
    case Opcode::Constant: {
      Type t = op.type;
      if (!t.isPublic())
        t.form = Form::Masked;
      const ValueId c = emit(Opcode::Constant, {}, t);
      copyAttrs(c);
      out_.op(c).setAttr("value",
                         out_.addConst(in_.constData(op.constAttr("value"))));
      map_[v.index] = c;
      break;
    }
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Concat:
    case Opcode::Broadcast:
    case Opcode::Pad:
    case Opcode::Take:
      movement(v, op);
      break;
    case Opcode::Pick: {
      const ValueId x =
          op.type.isFx() ? operand(op, 0, ring) : map_[op.operands[0].index];
      Type t = op.type.isFx() ? shareType(formOf(x), op.type)
                              : bitsType(op.type.shape);
      map_[v.index] = emit(Opcode::Pick, {x, map_[op.operands[1].index]}, t);
      break;
    }
    case Opcode::FixedAdd:
      sum(v, op, Opcode::ShareAdd);
      break;
    case Opcode::FixedSub:
      sum(v, op, Opcode::ShareSub);
      break;
    case Opcode::FixedNeg: {
      const ValueId x = operand(op, 0, ring);
      simple(Opcode::ShareNeg, x, formOf(x));
      break;
    }
    case Opcode::FixedReduceSum: {
      const ValueId x = operand(op, 0, ring);
      simple(Opcode::ShareReduceSum, x, formOf(x));
      break;
    }
    case Opcode::FixedShl: {
      const ValueId x = operand(op, 0, ring);
      simple(Opcode::ShareShl, x, formOf(x));
      break;
    }
    case Opcode::FixedMul:
      product(v, op, false);
      break;
    case Opcode::FixedMatMul:
      product(v, op, true);
      break;
    case Opcode::FixedTrunc: {
      const int bits = static_cast<int>(op.intAttr("bits"));
      simple(Opcode::ShareTrunc, additive(operand(op, 0, ring + bits)),
             Form::Masked);
      break;
    }
    case Opcode::FixedAssume:
      map_[v.index] = masked(map_[op.operands[0].index]);
      if (ringOf(map_[v.index]) != ring) // what is dropped is known to be sign
        simple(Opcode::ShareDrop, map_[v.index], Form::Masked);
      break;
    case Opcode::FixedInRange:
      map_[v.index] =
          emit(Opcode::ShareInRange, {masked(map_[op.operands[0].index])},
               bitsType(op.type.shape));
      for (const char *key : {"lo", "hi", "links"})
        out_.op(map_[v.index]).setAttr(key, *op.attr(key));
      break;
    case Opcode::FixedDrop:
      map_[v.index] = inRing(map_[op.operands[0].index], ring);
      break;
    case Opcode::FixedMask:
      map_[v.index] = masked(operand(op, 0, ring));
      break;
    case Opcode::FixedExtend:
      simple(Opcode::ShareExtend, masked(map_[op.operands[0].index]),
             Form::Masked);
      break;
    case Opcode::FixedSpline:
      simple(Opcode::ShareSpline, masked(map_[op.operands[0].index]),
             Form::Additive);
      break;
    case Opcode::FixedExp:
      simple(Opcode::ShareExp, masked(map_[op.operands[0].index]),
             Form::Additive);
      break;
    case Opcode::FixedFourier:
      simple(Opcode::ShareFourier, masked(map_[op.operands[0].index]),
             Form::Additive);
      break;
    case Opcode::FixedReduceMax: {
      map_[v.index] = reduceMax(operand(op, 0, ring), op);
      break;
    }
    case Opcode::FixedLess: {
      const Type &a = in_.type(op.operands[0]), &b = in_.type(op.operands[1]);
      const int bits = std::max(a.intBits, b.intBits) + 1 + a.frac;
      const int r = std::max(isPublic(map_[op.operands[0].index])
                                 ? 0
                                 : ringOf(map_[op.operands[0].index]),
                             isPublic(map_[op.operands[1].index])
                                 ? 0
                                 : ringOf(map_[op.operands[1].index]));
      const int common = std::min({r, smallestRing(op.operands[0], r),
                                   smallestRing(op.operands[1], r)});
      ValueId x = operand(op, 0, common), y = operand(op, 1, common);
      if (!isPublic(x))
        x = masked(x);
      if (!isPublic(y))
        y = masked(y);
      Type t =
          Type::fx(Vis::Secret, common, a.frac,
                   std::min(bits - a.frac, common - a.frac - 1), op.type.shape);
      t.form = Form::Masked;
      const ValueId d = emit(Opcode::ShareSub, {x, y}, t);
      map_[v.index] = sign(d, std::min(bits + 1, common), 0);
      break;
    }
    case Opcode::FixedNot:
      map_[v.index] = emit(Opcode::ShareBitNot, {map_[op.operands[0].index]},
                           bitsType(op.type.shape));
      break;
    case Opcode::FixedAnd:
      return logicalAnd(v, op);
    case Opcode::FixedXor: {
      const ValueId a = map_[op.operands[0].index],
                    b = map_[op.operands[1].index];
      if (isPublic(a) || isPublic(b))
        return fail(op, "an exclusive or with a public operand");
      map_[v.index] =
          emit(Opcode::ShareBitXor,
               {b_.broadcast(a, op.type.shape), b_.broadcast(b, op.type.shape)},
               bitsType(op.type.shape));
      break;
    }
    case Opcode::FixedSelect:
      select(v, op);
      break;
    case Opcode::FixedFromBool:
      map_[v.index] = emit(Opcode::ShareFromBits, {map_[op.operands[0].index]},
                           shareType(Form::Additive, op.type));
      break;
    case Opcode::FixedGather:
      gather(v, op);
      break;
    default:
      return fail(op, "has no lowering to shares");
    }
    return llvm::Error::success();
  }

  /// Ring of a shared operand, `otherwise` for a public one.
  int smallestRing(ValueId v, int otherwise) const {
    const ValueId x = map_[v.index];
    return isPublic(x) ? otherwise : ringOf(x);
  }

  const Module &in_;
  const plan::Profile &profile_;
  Module out_;
  Builder b_;
  std::string loc_;
  std::vector<ValueId> map_;
  llvm::DenseMap<uint32_t, ValueId> masked_;
  std::map<std::pair<uint32_t, int>, ValueId> words_;
};

} // namespace

llvm::Error lowerToShares(Module &m, Context &ctx) {
  llvm::Expected<Module> r = Lowering(m, ctx.options.profile).run();
  if (!r)
    return r.takeError();
  m = std::move(*r);
  return llvm::Error::success();
}

} // namespace mpc::passes
