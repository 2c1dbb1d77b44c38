//===- runtime/core/Npy.h - the one reader and writer of .npy -------------===//
//
// Reads format versions 1.0 to 3.0, either byte order, C or Fortran order, any
// rank; gives native byte order, C order. Nothing is trusted: an object or
// structured dtype, a size that differs from the file's, an absurd shape is an
// Error that names the path, and no more memory is taken than the file holds.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/core/Shape.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mpc::core {

enum class DType : uint8_t {
  Bool,
  I8,
  U8,
  I16,
  U16,
  I32,
  U32,
  I64,
  U64,
  F16,
  F32,
  F64
};

/// Bytes an element.
size_t dtypeSize(DType t);
/// numpy's name: "bool", "int8", ..., "float64".
std::string_view dtypeName(DType t);
constexpr bool isFloat(DType t) { return t >= DType::F16; }

/// Whether elements of `t` may be viewed as T. Bool is viewed as bool or
/// uint8_t (always 0 or 1), F16 as its bits in uint16_t.
template <class T> constexpr bool holds(DType t) {
  if constexpr (std::is_same_v<T, bool>)
    return t == DType::Bool;
  else if constexpr (std::is_same_v<T, int8_t>)
    return t == DType::I8;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return t == DType::U8 || t == DType::Bool;
  else if constexpr (std::is_same_v<T, int16_t>)
    return t == DType::I16;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return t == DType::U16 || t == DType::F16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return t == DType::I32;
  else if constexpr (std::is_same_v<T, uint32_t>)
    return t == DType::U32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return t == DType::I64;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return t == DType::U64;
  else if constexpr (std::is_same_v<T, float>)
    return t == DType::F32;
  else if constexpr (std::is_same_v<T, double>)
    return t == DType::F64;
  else
    return false;
}

/// The dtype whose elements are T.
template <class T> constexpr DType dtypeOf() {
  for (int i = 0; i <= static_cast<int>(DType::F64); ++i)
    if (holds<T>(static_cast<DType>(i)) &&
        !(std::is_same_v<T, uint8_t> && static_cast<DType>(i) == DType::Bool))
      return static_cast<DType>(i);
  // Reached for no T that holds<T> knows; a constexpr call does not compile.
  std::abort();
}

/// A dense array: C order, native byte order.
struct NpyArray {
  DType dtype = DType::F32;
  Shape shape;
  std::vector<uint8_t> bytes;

  int64_t size() const { return numel(shape); }
  /// The elements. Precondition: holds<T>(dtype).
  template <class T> std::span<const T> as() const {
    assert(holds<T>(dtype));
    return {reinterpret_cast<const T *>(bytes.data()),
            bytes.size() / sizeof(T)};
  }
  /// An array of `values`. Precondition: as many as `shape` says.
  template <class T>
  static NpyArray of(Shape shape, std::span<const T> values) {
    assert(numel(shape) == static_cast<int64_t>(values.size()));
    NpyArray a{dtypeOf<T>(), std::move(shape), {}};
    a.bytes.resize(values.size_bytes());
    if (!values.empty())
      std::memcpy(a.bytes.data(), values.data(), values.size_bytes());
    return a;
  }
  friend bool operator==(const NpyArray &, const NpyArray &) = default;
};

Result<NpyArray> readNpy(const std::string &path);
/// Parses a file's bytes; `path` is used in errors only.
Result<NpyArray> parseNpy(std::span<const uint8_t> bytes,
                          const std::string &path);

/// Writes version 1.0, little endian, C order; atomic. `mode` as in open(2).
Status writeNpy(const std::string &path, const NpyArray &array,
                unsigned mode = 0644);
/// The file's bytes. Precondition: bytes match shape and dtype.
std::vector<uint8_t> serializeNpy(const NpyArray &array);

enum class NonFinite { Refuse, Allow };

/// Every element as float, exactly; an Error names the first element that is
/// no float (2^24 + 1, 0.1 as double) or, unless allowed, NaN or infinite.
Result<std::vector<float>> toFloat32(const NpyArray &array,
                                     NonFinite nonFinite = NonFinite::Refuse);
/// Every element as int64_t, exactly; floats must be whole numbers in range.
Result<std::vector<int64_t>> toInt64(const NpyArray &array);

/// IEEE 754 binary16 bits to float; exact.
float halfToFloat(uint16_t bits);

} // namespace mpc::core
