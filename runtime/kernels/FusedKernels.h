//===- runtime/kernels/FusedKernels.h - table of one level's loops --------===//
//
// No standard library beyond <cstdint> and <cstddef>: the files that include
// this are compiled with instructions the machine may lack, see README.md.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>

namespace mpc::kernels {

/// Elements of a piece; a multiple of the pack group.
inline constexpr size_t kFusedPiece = 2048;

struct FusedKernels {
  /// v = (v + x) & mask
  void (*addMasked)(uint64_t *v, const uint64_t *x, size_t n, uint64_t mask);
  /// out = (((a & maskIn) >> t) + l) & maskOut
  void (*truncFloor)(uint64_t *out, const uint64_t *a, const uint64_t *l,
                     size_t n, uint64_t maskIn, unsigned t, uint64_t maskOut);
  /// out = (l - ((-a & maskIn) >> t)) & maskOut
  void (*truncCeil)(uint64_t *out, const uint64_t *a, const uint64_t *l,
                    size_t n, uint64_t maskIn, unsigned t, uint64_t maskOut);
  /// r = low + (r << k)
  void (*widen)(uint64_t *r, const uint64_t *low, size_t n, unsigned k);
  /// up = (m + quarter) mod 2^k; s = (its top bit ? t1 : t0) + (l >> k) mod
  /// 2^grow; base = up - quarter + (s << k) mod 2^(k + grow)
  void (*extend)(uint64_t *s, uint64_t *base, const uint64_t *m,
                 const uint64_t *t0, const uint64_t *t1, const uint64_t *l,
                 size_t n, unsigned k, unsigned grow, uint64_t quarter);
  /// m = (m + (s << k)) & mask
  void (*addHigh)(uint64_t *m, const uint64_t *s, size_t n, unsigned k,
                  uint64_t mask);
  /// A public digit of m meets shares of the table j -> [j == secret digit]
  /// without its last entry, whose XOR with the others is `whole`: shares, in
  /// bit 0, of [digit == secret] and [digit < secret]. 1 <= width <= 5; the
  /// table's words hold 2^width - 1 bits.
  void (*lookUpDigit)(uint64_t *eq, uint64_t *lt, const uint64_t *m,
                      const uint64_t *table, size_t n, unsigned position,
                      unsigned width, uint64_t whole);
};

} // namespace mpc::kernels
