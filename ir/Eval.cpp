//===- ir/Eval.cpp - dispatch over ops, and running a whole module --------===//
#include "ir/EvalImpl.h"
#include "ir/VerifierImpl.h"

namespace mpc::ir {
using namespace detail;

template <class... Args>
static llvm::Error failure(const char *format, const Args &...args) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), format,
                                 args...);
}

static ConstData allocate(const Type &type) {
  ConstData out;
  out.elem = dataElem(type);
  out.shape = type.shape;
  if (out.elem == Elem::F32)
    out.floats.resize(type.numel());
  else
    out.ints.resize(type.numel());
  return out;
}

static llvm::Error evalInto(const Module &m, const Op &op, Operands operands,
                            ConstData &out) {
  switch (op.opcode) {
  case Opcode::Constant:
    out = m.constData(op.constAttr("value"));
    return llvm::Error::success();
  case Opcode::Reshape:
  case Opcode::Transpose:
  case Opcode::Slice:
  case Opcode::Concat:
  case Opcode::Broadcast:
  case Opcode::Pad:
  case Opcode::Take:
    return evalMovement(m, op, operands, out);
  case Opcode::Gather:
    return evalGather(op, operands, out);
  case Opcode::FlatIndex:
    return evalFlatIndex(op, *operands[0], out);
  case Opcode::Pick:
    return evalPick(*operands[0], *operands[1], out);
  case Opcode::Select:
    return evalSelect(operands, out), llvm::Error::success();
  case Opcode::Cast:
    return evalCast(*operands[0], out), llvm::Error::success();
  case Opcode::Map:
    return evalMap(op, *operands[0], out);
  case Opcode::ReduceSum:
  case Opcode::ReduceMax:
  case Opcode::ReduceMin:
  case Opcode::ReduceProd:
    return evalReduce(op, *operands[0], out), llvm::Error::success();
  case Opcode::Softmax:
    return evalSoftmax(op, operands, out), llvm::Error::success();
  case Opcode::MatMul:
    return evalMatMul(*operands[0], *operands[1], out), llvm::Error::success();
  default:
    break;
  }
  if (info(op.opcode).level == Level::Tensor)
    return operands.size() == 1
               ? evalUnary(op.opcode, *operands[0], out)
               : evalBinary(op, *operands[0], *operands[1], out);
  return failure("'%s' has no float semantics",
                 info(op.opcode).mnemonic.str().c_str());
}

llvm::Expected<ConstData> evalOp(const Module &m, const Op &op,
                                 llvm::ArrayRef<const ConstData *> operands) {
  ConstData out;
  if (op.opcode != Opcode::Constant)
    out = allocate(op.type);
  if (llvm::Error e = evalInto(m, op, operands, out))
    return e;
  return out;
}

static llvm::Error checkInput(llvm::StringRef name, const Type &type,
                              const ConstData &data) {
  if (data.elem != dataElem(type))
    return failure("input '%s' is %s, expected %s", name.str().c_str(),
                   mpc::ir::name(data.elem).str().c_str(),
                   mpc::ir::name(dataElem(type)).str().c_str());
  if (data.shape != type.shape || data.numel() != type.numel())
    return failure("input '%s' has shape %s, expected %s", name.str().c_str(),
                   detail::shapeText(data.shape).c_str(),
                   detail::shapeText(type.shape).c_str());
  return llvm::Error::success();
}

llvm::Expected<std::vector<ConstData>>
evaluate(const Module &m, const InputMap &inputs,
         const std::function<void(ValueId, const ConstData &)> &observe) {
  // Inputs and constants are borrowed, results are owned until their last use.
  std::vector<const ConstData *> values(m.numValues(), nullptr);
  std::vector<ConstData> owned(m.numValues());
  std::vector<uint32_t> uses = m.useCounts();

  for (ValueId v : m.order()) {
    const Op &op = m.op(v);
    if (op.opcode == Opcode::Input) {
      llvm::StringRef name = op.strAttr("name");
      auto it = inputs.find(name);
      if (it == inputs.end())
        return failure("no data for input '%s'", name.str().c_str());
      if (llvm::Error e = checkInput(name, op.type, it->second))
        return e;
      values[v.index] = &it->second;
    } else if (const ConstData *data = m.constantOf(v)) {
      values[v.index] = data;
    } else {
      llvm::SmallVector<const ConstData *, 4> operands;
      for (ValueId operand : op.operands)
        operands.push_back(values[operand.index]);
      llvm::Expected<ConstData> result = evalOp(m, op, operands);
      if (!result)
        return failure("%s '%s': %s", info(op.opcode).mnemonic.str().c_str(),
                       op.loc.c_str(),
                       llvm::toString(result.takeError()).c_str());
      owned[v.index] = std::move(*result);
      values[v.index] = &owned[v.index];
    }
    if (observe)
      observe(v, *values[v.index]);
    for (ValueId operand : op.operands)
      if (--uses[operand.index] == 0)
        owned[operand.index] = ConstData();
    if (uses[v.index] == 0)
      owned[v.index] = ConstData();
  }

  std::vector<ConstData> results;
  for (const Output &out : m.outputs()) {
    const ConstData &value = *values[out.value.index];
    Elem elem = out.elem == Elem::Fx ? Elem::F32 : out.elem;
    if (value.elem == elem) {
      results.push_back(value);
      continue;
    }
    ConstData cast = allocate(Type::tensor(elem, Vis::Public, value.shape));
    evalCast(value, cast);
    results.push_back(std::move(cast));
  }
  return results;
}

} // namespace mpc::ir
