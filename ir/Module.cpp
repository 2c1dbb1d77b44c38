//===- ir/Module.cpp - the op table, the order, the constant pool ---------===//
#include "ir/Module.h"
#include "llvm/ADT/StringMap.h"
#include <algorithm>
#include <cstring>

namespace mpc::ir {

//===--------------------------------------------------------------------===//
// The table of operations
//===--------------------------------------------------------------------===//

llvm::StringRef name(Level l) {
  switch (l) {
  case Level::Any:
    return "any";
  case Level::Tensor:
    return "tensor";
  case Level::Fixed:
    return "fixed";
  case Level::Share:
    return "share";
  }
  return "?";
}

static const OpInfo kOps[] = {
#define OP(Name, mnemonic, level, minOps, maxOps, attrs)                       \
  {Opcode::Name, #Name, mnemonic, Level::level, minOps, maxOps, attrs},
#include "ir/Ops.def"
};

llvm::ArrayRef<OpInfo> allOps() { return kOps; }

const OpInfo &info(Opcode op) { return kOps[static_cast<size_t>(op)]; }

std::optional<Opcode> opcodeByMnemonic(llvm::StringRef mnemonic) {
  static const llvm::StringMap<Opcode> table = [] {
    llvm::StringMap<Opcode> t;
    for (const OpInfo &op : kOps)
      t[op.mnemonic] = op.opcode;
    return t;
  }();
  auto it = table.find(mnemonic);
  if (it == table.end())
    return std::nullopt;
  return it->second;
}

//===--------------------------------------------------------------------===//
// Attributes
//===--------------------------------------------------------------------===//

static auto lowerBound(const Op &op, llvm::StringRef key) {
  return std::lower_bound(
      op.attrs.begin(), op.attrs.end(), key,
      [](const auto &entry, llvm::StringRef k) { return entry.first < k; });
}

const Attr *Op::attr(llvm::StringRef key) const {
  auto it = lowerBound(*this, key);
  return it != attrs.end() && it->first == key ? &it->second : nullptr;
}

void Op::setAttr(llvm::StringRef key, Attr value) {
  auto it = attrs.begin() + (lowerBound(*this, key) - attrs.begin());
  if (it != attrs.end() && it->first == key)
    it->second = std::move(value);
  else
    attrs.insert(it, {key.str(), std::move(value)});
}

template <class T> static const T &expectAttr(const Op &op, llvm::StringRef k) {
  const Attr *a = op.attr(k);
  assert(a && std::holds_alternative<T>(*a) && "verified modules carry it");
  return std::get<T>(*a);
}

int64_t Op::intAttr(llvm::StringRef key) const {
  return expectAttr<int64_t>(*this, key);
}

double Op::floatAttr(llvm::StringRef key) const {
  const Attr *a = attr(key);
  if (a && std::holds_alternative<int64_t>(*a))
    return static_cast<double>(std::get<int64_t>(*a));
  return expectAttr<double>(*this, key);
}

llvm::ArrayRef<int64_t> Op::intsAttr(llvm::StringRef key) const {
  return expectAttr<std::vector<int64_t>>(*this, key);
}

llvm::StringRef Op::strAttr(llvm::StringRef key) const {
  return expectAttr<std::string>(*this, key);
}

ConstId Op::constAttr(llvm::StringRef key) const {
  return expectAttr<ConstId>(*this, key);
}

//===--------------------------------------------------------------------===//
// Building
//===--------------------------------------------------------------------===//

ValueId Module::append(Opcode opcode, llvm::ArrayRef<ValueId> operands,
                       Type type, llvm::StringRef loc) {
  Op op;
  op.opcode = opcode;
  op.type = std::move(type);
  op.operands.assign(operands.begin(), operands.end());
  op.loc = loc.str();
  ValueId id{static_cast<uint32_t>(ops_.size())};
  ops_.push_back(std::move(op));
  order_.push_back(id);
  return id;
}

ValueId Module::insertBefore(ValueId before, Opcode opcode,
                             llvm::ArrayRef<ValueId> operands, Type type,
                             llvm::StringRef loc) {
  ValueId id = append(opcode, operands, std::move(type), loc);
  order_.pop_back();
  auto at = std::find(order_.begin(), order_.end(), before);
  assert(at != order_.end() && "insertion point is not in the order");
  order_.insert(at, id);
  return id;
}

ConstId Module::addConst(ConstData data) {
  consts_.push_back(std::move(data));
  return ConstId{static_cast<uint32_t>(consts_.size() - 1)};
}

ValueId Module::constant(ConstData data, Vis vis, llvm::StringRef loc) {
  Type type = Type::tensor(data.elem, vis, data.shape);
  ConstId id = addConst(std::move(data));
  ValueId v = append(Opcode::Constant, {}, std::move(type), loc);
  op(v).setAttr("value", id);
  return v;
}

//===--------------------------------------------------------------------===//
// Constants
//===--------------------------------------------------------------------===//

const ConstData *Module::constantOf(ValueId v) const {
  const Op &o = op(v);
  if (o.opcode != Opcode::Constant)
    return nullptr;
  const Attr *a = o.attr("value");
  if (!a || !std::holds_alternative<ConstId>(*a))
    return nullptr;
  ConstId id = std::get<ConstId>(*a);
  return id.index < consts_.size() ? &consts_[id.index] : nullptr;
}

std::optional<double> Module::uniformConstant(ValueId v) const {
  const ConstData *data = constantOf(v);
  if (!data || !type(v).isPublic() || data->numel() == 0)
    return std::nullopt;
  double first = data->at(0);
  for (int64_t i = 1, n = data->numel(); i < n; ++i)
    if (data->at(i) != first)
      return std::nullopt;
  return first;
}

//===--------------------------------------------------------------------===//
// Uses
//===--------------------------------------------------------------------===//

std::vector<uint32_t> Module::useCounts() const {
  std::vector<uint32_t> uses(ops_.size(), 0);
  for (ValueId v : order_)
    for (ValueId operand : op(v).operands)
      ++uses[operand.index];
  for (const Output &out : outputs_)
    ++uses[out.value.index];
  return uses;
}

void Module::replaceAllUses(ValueId from, ValueId to) {
  llvm::DenseMap<uint32_t, ValueId> map;
  map[from.index] = to;
  replaceAllUses(map);
}

void Module::replaceAllUses(const llvm::DenseMap<uint32_t, ValueId> &map) {
  if (map.empty())
    return;
  auto resolve = [&](ValueId &v) {
    size_t hops = 0;
    for (auto it = map.find(v.index); it != map.end() && it->second != v;
         it = map.find(v.index)) {
      v = it->second;
      assert(++hops <= map.size() && "replacements form a cycle");
      (void)hops;
    }
  };
  for (ValueId v : order_)
    for (ValueId &operand : op(v).operands)
      resolve(operand);
  for (Output &out : outputs_)
    resolve(out.value);
}

bool Module::removeDead() {
  // The order is topological, so one walk backwards sees every use of a value
  // before its definition.
  std::vector<bool> live(ops_.size(), false);
  for (const Output &out : outputs_)
    live[out.value.index] = true;
  for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
    const Op &o = op(*it);
    if (o.opcode == Opcode::Input)
      live[it->index] = true;
    if (live[it->index])
      for (ValueId operand : o.operands)
        live[operand.index] = true;
  }
  size_t before = order_.size();
  std::vector<ValueId> kept;
  kept.reserve(before);
  std::vector<bool> constLive(consts_.size(), false);
  for (ValueId v : order_) {
    Op &o = op(v);
    if (!live[v.index]) {
      o.erased = true;
      o.operands.clear();
      o.attrs.clear();
      continue;
    }
    kept.push_back(v);
    for (const auto &entry : o.attrs)
      if (const auto *id = std::get_if<ConstId>(&entry.second))
        constLive[id->index] = true;
  }
  order_ = std::move(kept);
  for (size_t i = 0; i < consts_.size(); ++i)
    if (!constLive[i])
      consts_[i] = ConstData();
  return order_.size() != before;
}

} // namespace mpc::ir
