//===- ir/Module.h - straight-line SSA functions
//---------------------------===//
//
// A Module is a list of operations in execution order. Every op has exactly
// one result, so an op and its value share one 32-bit id. Ids are never
// reused; erased ops leave the order, not the table. Constants live in a pool
// of the module and are referred to by id. A Module owns everything in it.
//
//   Module m("bert", Level::Tensor);
//   ValueId x = m.append(Opcode::Input, {}, type, loc);
//   m.op(x).setAttr("name", Attr::str("input_ids"));
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Type.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <cassert>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mpc::ir {

enum class Level : uint8_t { Any, Tensor, Fixed, Share };
llvm::StringRef name(Level l);

enum class Opcode : uint8_t {
#define OP(Name, mnemonic, level, minOps, maxOps, attrs) Name,
#include "ir/Ops.def"
};

/// The row of Ops.def of an opcode.
struct OpInfo {
  Opcode opcode;
  llvm::StringRef name;     ///< "MatMul"
  llvm::StringRef mnemonic; ///< "tensor.matmul"
  Level level;
  int minOperands, maxOperands; ///< max -1: any number
  llvm::StringRef attrs;        ///< space separated keys, '?' optional
};
llvm::ArrayRef<OpInfo> allOps();
const OpInfo &info(Opcode op);
std::optional<Opcode> opcodeByMnemonic(llvm::StringRef mnemonic);

/// An id that cannot be mixed up with another table's.
template <class Tag> struct Id {
  uint32_t index = ~0u;
  bool valid() const { return index != ~0u; }
  bool operator==(const Id &) const = default;
  auto operator<=>(const Id &) const = default;
};
using ValueId = Id<struct ValueTag>;
using ConstId = Id<struct ConstTag>;

/// A dense array in the constant pool. F32 -> floats, I64 -> ints,
/// Bool -> ints holding 0/1. Fixed-point constants stay floats; the backend
/// encodes them with the fraction bits of the op that refers to them.
struct ConstData {
  Elem elem = Elem::F32;
  Shape shape;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  int64_t numel() const {
    return elem == Elem::F32 ? static_cast<int64_t>(floats.size())
                             : static_cast<int64_t>(ints.size());
  }
  double at(int64_t i) const {
    return elem == Elem::F32 ? floats[i] : static_cast<double>(ints[i]);
  }
  bool operator==(const ConstData &) const = default;
};

/// An attribute value: integer, real, list, text or constant.
using Attr = std::variant<int64_t, double, std::vector<int64_t>,
                          std::vector<double>, std::string, ConstId>;

struct Op {
  Opcode opcode = Opcode::Constant;
  Type type;
  llvm::SmallVector<ValueId, 2> operands;
  std::vector<std::pair<std::string, Attr>> attrs; ///< sorted by key
  std::string loc; ///< ONNX node name (empty: none)
  bool erased = false;
  /// Range seen by calibration or proved by intervals: lo <= x <= hi.
  std::optional<std::pair<double, double>> range;

  const Attr *attr(llvm::StringRef key) const;
  bool hasAttr(llvm::StringRef key) const { return attr(key) != nullptr; }
  int64_t intAttr(llvm::StringRef key) const;
  double floatAttr(llvm::StringRef key) const; ///< also reads an integer
  llvm::ArrayRef<int64_t> intsAttr(llvm::StringRef key) const;
  llvm::StringRef strAttr(llvm::StringRef key) const;
  ConstId constAttr(llvm::StringRef key) const;
  void setAttr(llvm::StringRef key, Attr value);
};

struct Output {
  std::string name;
  ValueId value;
  Elem elem = Elem::F32; ///< type the user gets back
  bool operator==(const Output &) const = default;
};

class Module {
public:
  explicit Module(std::string name = "main", Level level = Level::Tensor)
      : name_(std::move(name)), level_(level) {}
  Module(Module &&) = default;
  Module &operator=(Module &&) = default;

  const std::string &name() const { return name_; }
  Level level() const { return level_; }
  void setLevel(Level l) { level_ = l; }

  /// Appends an op at the end of the order.
  ValueId append(Opcode op, llvm::ArrayRef<ValueId> operands, Type type,
                 llvm::StringRef loc = "");
  /// Inserts before `before` (which must be in the order). O(n): passes that
  /// insert much rebuild the order with rewrite() instead.
  ValueId insertBefore(ValueId before, Opcode op,
                       llvm::ArrayRef<ValueId> operands, Type type,
                       llvm::StringRef loc = "");
  /// A Constant op holding `data`.
  ValueId constant(ConstData data, Vis vis, llvm::StringRef loc = "");
  ConstId addConst(ConstData data);

  Op &op(ValueId v) { return ops_[v.index]; }
  const Op &op(ValueId v) const { return ops_[v.index]; }
  const Type &type(ValueId v) const { return ops_[v.index].type; }
  ConstData &constData(ConstId c) { return consts_[c.index]; }
  const ConstData &constData(ConstId c) const { return consts_[c.index]; }
  /// The data of a Constant op, or null.
  const ConstData *constantOf(ValueId v) const;
  /// The value of every element if v is a public constant whose elements are
  /// all equal (a scalar for all purposes), else nothing.
  std::optional<double> uniformConstant(ValueId v) const;

  const std::vector<ValueId> &order() const { return order_; }
  void setOrder(std::vector<ValueId> order) { order_ = std::move(order); }
  /// Puts an existing op at the end of the order.
  void place(ValueId v) { order_.push_back(v); }
  size_t numValues() const { return ops_.size(); }
  size_t numConsts() const { return consts_.size(); }

  std::vector<Output> &outputs() { return outputs_; }
  const std::vector<Output> &outputs() const { return outputs_; }

  /// Number of uses (operands and outputs) of every value, by index.
  std::vector<uint32_t> useCounts() const;
  /// Replaces every use of `from` by `to`.
  void replaceAllUses(ValueId from, ValueId to);
  /// Replaces every use of each key by its (transitively resolved) target.
  void replaceAllUses(const llvm::DenseMap<uint32_t, ValueId> &map);
  /// Removes ops without uses (inputs stay) and frees constants nobody refers
  /// to. Returns whether anything went.
  bool removeDead();

private:
  std::string name_;
  Level level_;
  std::vector<Op> ops_;
  std::vector<ValueId> order_;
  std::vector<ConstData> consts_;
  std::vector<Output> outputs_;
};

} // namespace mpc::ir
