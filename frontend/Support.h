//===- frontend/Support.h - small helpers of the frontend's own files -----===//
#pragma once

#include "ir/Infer.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>

namespace mpc::frontend {

inline llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// "[1, 128]"
std::string listStr(llvm::ArrayRef<int64_t> values);
/// "1x128"; "scalar" for rank 0.
std::string shapeStr(llvm::ArrayRef<int64_t> shape);
/// How the IR names a node: by its name, or "#12 Add" where it has none.
std::string locationOf(llvm::StringRef name, llvm::StringRef opType, int index);
/// Row-major strides.
ir::Shape strides(llvm::ArrayRef<int64_t> shape);
/// The most elements a tensor evaluated at import may have. Fuzzing looks for
/// mistakes, not for memory.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr int64_t kMaxFoldedElements = int64_t{1} << 18;
#else
constexpr int64_t kMaxFoldedElements = int64_t{1} << 28;
#endif
/// The most elements any tensor may have: the product of two such numbers
/// still fits int64_t.
constexpr int64_t kMaxElements = int64_t{1} << 31;
/// Whether a tensor of this shape can be: sizes not negative, in all at most
/// kMaxElements elements, and that without counting sizes of 0 too.
bool usableShape(llvm::ArrayRef<int64_t> shape);

/// TensorProto.DataType numbers of the ONNX format.
enum OnnxType : int32_t {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16
};
/// The element type that stands for an ONNX type, if it has one.
std::optional<ir::Elem> elemOf(int32_t onnxType);
/// "float", "int64", ..., "type 99".
std::string onnxTypeName(int32_t onnxType);
/// What an integer becomes when it is converted to a narrower ONNX type.
int64_t wrapTo(int32_t onnxType, int64_t v);

} // namespace mpc::frontend
