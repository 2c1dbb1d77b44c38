#include "frontend/Support.h"
#include "llvm/ADT/STLExtras.h"

namespace mpc::frontend {

std::string listStr(llvm::ArrayRef<int64_t> values) {
  std::string s = "[";
  for (size_t i = 0; i < values.size(); ++i)
    s += (i ? ", " : "") + std::to_string(values[i]);
  return s + "]";
}

std::string shapeStr(llvm::ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  std::string s;
  for (size_t i = 0; i < shape.size(); ++i)
    s += (i ? "x" : "") + std::to_string(shape[i]);
  return s;
}

bool usableShape(llvm::ArrayRef<int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape) {
    if (d < 0 || d > kMaxElements)
      return false;
    n *= std::max<int64_t>(d, 1);
    if (n > kMaxElements)
      return false;
  }
  return true;
}

std::string locationOf(llvm::StringRef name, llvm::StringRef opType,
                       int index) {
  return name.empty() ? ("#" + llvm::Twine(index) + " " + opType).str()
                      : name.str();
}

ir::Shape strides(llvm::ArrayRef<int64_t> shape) {
  ir::Shape s(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    s[i - 1] = s[i] * shape[i];
  return s;
}

std::optional<ir::Elem> elemOf(int32_t onnxType) {
  switch (onnxType) {
  case kFloat:
  case kFloat16:
  case kDouble:
  case kBfloat16:
    return ir::Elem::F32;
  case kUint8:
  case kInt8:
  case kUint16:
  case kInt16:
  case kInt32:
  case kInt64:
  case kUint32:
  case kUint64:
    return ir::Elem::I64;
  case kBool:
    return ir::Elem::Bool;
  default:
    return std::nullopt;
  }
}

std::string onnxTypeName(int32_t onnxType) {
  static constexpr const char *kNames[] = {
      "undefined", "float",  "uint8",     "int8",       "uint16",  "int16",
      "int32",     "int64",  "string",    "bool",       "float16", "double",
      "uint32",    "uint64", "complex64", "complex128", "bfloat16"};
  if (onnxType >= 0 && onnxType < static_cast<int32_t>(std::size(kNames)))
    return kNames[onnxType];
  return "type " + std::to_string(onnxType);
}

int64_t wrapTo(int32_t onnxType, int64_t v) {
  switch (onnxType) {
  case kUint8:
    return static_cast<uint8_t>(v);
  case kInt8:
    return static_cast<int8_t>(v);
  case kUint16:
    return static_cast<uint16_t>(v);
  case kInt16:
    return static_cast<int16_t>(v);
  case kInt32:
    return static_cast<int32_t>(v);
  case kUint32:
    return static_cast<uint32_t>(v);
  default:
    return v;
  }
}

} // namespace mpc::frontend
