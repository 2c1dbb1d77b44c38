//===- frontend/ops/AttentionParts.h - what attention forms share ---------===//
#pragma once

#include "frontend/ops/Ops.h"

namespace mpc::frontend::ops {

struct AttentionForm {
  std::optional<double> scale; ///< else 1 / sqrt(head size)
  double softcap = 0;
  bool causal = false;
  int64_t past = 0;   ///< keys before the first query
  ValueId bias, keep; ///< added to the scores; bool, true attends
  double fill = -3.4e38;
};

/// [B, S, H * D] -> [B, H, S, D], and back; rank 4 stays.
ValueId splitHeads(NodeReader &n, ValueId x, int64_t heads);
ValueId joinHeads(NodeReader &n, ValueId x);
/// Of [B, H, Sq, D], [B, G, Sk, D], [B, G, Sk, Dv], G a divisor of H.
ValueId attend(NodeReader &n, ValueId q, ValueId k, ValueId v,
               const AttentionForm &form);
/// Pairs of x [B, H, S, D] turned by angles [B or 1, 1, S, D / 2 or less].
ValueId rotate(NodeReader &n, ValueId x, ValueId cosine, ValueId sine,
               bool interleaved);
/// Rows of a cache [positions, D / 2] by positions [B, S] (or the cache
/// itself, [B, S, D / 2]) as rotate() takes them.
ValueId anglesAt(NodeReader &n, ValueId cache, ValueId positions);

} // namespace mpc::frontend::ops
