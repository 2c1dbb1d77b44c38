//===- frontend/ModelFile.h - an ONNX file and the tensors it refers to ---===//
//
// Parses the protobuf and turns TensorProtos into constants. Nothing in the
// file is trusted: sizes are compared with the bytes that are there before
// memory is taken, and external data must lie in the model's own directory.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "frontend/onnx.pb.h"
#include "ir/Module.h"
#include "runtime/core/File.h"
#include "runtime/core/Npy.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace mpc::frontend {

class ModelFile {
public:
  static llvm::Expected<ModelFile> open(llvm::StringRef path);

  mpcc_onnx::ModelProto &proto() { return proto_; }
  const std::string &path() const { return path_; }

  /// The tensor's values. Floats of any width become F32, integers I64.
  /// Frees the proto's own copy if `release`.
  llvm::Expected<ir::ConstData> read(mpcc_onnx::TensorProto &t, bool release);

private:
  llvm::Expected<std::span<const uint8_t>>
  externalBytes(const mpcc_onnx::TensorProto &t);

  std::string path_;
  mpcc_onnx::ModelProto proto_;
  llvm::StringMap<core::MappedFile> external_; ///< by location
};

/// Shape and element type without the values; an error if they make no sense.
llvm::Expected<ir::ConstData> tensorHeader(const mpcc_onnx::TensorProto &t);

/// An array for an input of this element type; lossless or an error.
llvm::Expected<ir::ConstData> fromNpy(const core::NpyArray &a, ir::Elem elem);

} // namespace mpc::frontend
