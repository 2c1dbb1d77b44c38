//===- runtime/crypto/DpfUnpackAvx512.cpp - eight leaf words a store ------===//
#include "runtime/crypto/DpfUnpack.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace mpc::crypto {
namespace {

size_t unpack(const DpfUnpacker::Plan &plan, const Block *blocks, size_t nodes,
              uint64_t *out) {
  const __m512i negate = _mm512_set1_epi64(static_cast<long long>(plan.negate));
  const __m512i mask = _mm512_set1_epi64(static_cast<long long>(plan.mask));
  const unsigned outputs = plan.nodesPerGroup * plan.lanes;
  const unsigned chunks = (outputs + 7) / 8;
  // Dword pairs: a lane of 32 bits takes its neighbour along, which goes.
  const __mmask16 keep = plan.lane == Lane::U32 ? 0x5555 : 0xffff;
  __m512i pick[DpfUnpacker::kMaxOutputs / 8];
  for (unsigned c = 0; c < chunks; ++c) {
    alignas(64) uint32_t index[16] = {};
    for (unsigned i = 0; i < 8 && 8 * c + i < outputs; ++i) {
      index[2 * i] = plan.dword[8 * c + i];
      index[2 * i + 1] = index[2 * i] + 1;
    }
    pick[c] = _mm512_load_si512(index);
  }
  const auto last = static_cast<__mmask8>(0xff >> (8 * chunks - outputs));
  size_t i = 0;
  for (; i + plan.nodesPerGroup <= nodes; i += plan.nodesPerGroup) {
    const Block *from = blocks + i * plan.blocksPerNode;
    const __m512i lo = _mm512_loadu_si512(from);
    const __m512i hi = _mm512_loadu_si512(from + 4);
    uint64_t *to = out + i * plan.lanes;
    for (unsigned c = 0; c < chunks; ++c) {
      __m512i v = _mm512_maskz_permutex2var_epi32(keep, lo, pick[c], hi);
      v = _mm512_sub_epi64(_mm512_xor_si512(v, negate), negate);
      _mm512_mask_storeu_epi64(to + 8 * c, c + 1 < chunks ? 0xff : last,
                               _mm512_and_si512(v, mask));
    }
  }
  return i;
}

} // namespace

DpfUnpack dpfUnpackAvx512() { return unpack; }

} // namespace mpc::crypto

#else
mpc::crypto::DpfUnpack mpc::crypto::dpfUnpackAvx512() { return nullptr; }
#endif
