//===- ir/Type.h - the type of a value at each of the three levels --------===//
//
// One Type serves the whole pipeline; what is set depends on the level:
//   tensor  f32[1x128] secret            elem F32/I64/Bool, visibility
//   fixed   fx<52,13,6>[1x128] secret    ring bits, fraction bits, integer bits
//   share   masked<52,13,6>[1x128]       the same with a sharing form
// A fixed-point value x is the signed ring element X with x = X / 2^frac and
// |x| < 2^intBits; ring == 0 means "not assigned yet" (printed '_').
//
//===----------------------------------------------------------------------===//
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace mpc::ir {

/// Element type. Narrower ONNX integers are I64, other floats are F32.
enum class Elem : uint8_t { F32, I64, Bool, Fx };

/// Who knows a value. Unknown is Secret.
///  Public: part of the plan, or known to all when a session starts.  Weight:
///  the model owner's.  Secret: derived from a client's input (also anything
///  computed from both).
enum class Vis : uint8_t { Public, Weight, Secret };

/// Sharing form at share level; None above it.
///  Masked:   m = x + l mod 2^k, m known to both evaluators.
///  Additive: x = a1 + a2 mod 2^k.
///  Bits:     masked over Z_2, one bit an element.
///  Words:    the k bits of each element, masked over Z_2.
enum class Form : uint8_t { None, Masked, Additive, Bits, Words };

using Shape = llvm::SmallVector<int64_t, 4>;

struct Type {
  Elem elem = Elem::F32;
  Vis vis = Vis::Secret;
  Form form = Form::None;
  uint8_t ring = 0;    ///< k of Z_{2^k}; 0: not assigned
  int16_t frac = 0;    ///< fraction bits
  int16_t intBits = 0; ///< |x| < 2^intBits (may be negative for small values)
  Shape shape;

  static Type tensor(Elem e, Vis v, llvm::ArrayRef<int64_t> shape);
  static Type fx(Vis v, unsigned ring, int frac, int intBits,
                 llvm::ArrayRef<int64_t> shape);

  int64_t numel() const;
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  bool isFx() const { return elem == Elem::Fx; }
  bool isPublic() const { return vis == Vis::Public; }
  bool operator==(const Type &) const = default;
  /// The text the parser reads: "fx<52,13,6>[1x128] secret".
  std::string str() const;
};

/// Secret dominates weight dominates public; anything mixed of weight and
/// secret is secret.
Vis join(Vis a, Vis b);
llvm::StringRef name(Elem e);
llvm::StringRef name(Vis v);
llvm::StringRef name(Form f);

} // namespace mpc::ir
