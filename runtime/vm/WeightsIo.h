//===- runtime/vm/WeightsIo.h - an evaluator's masked weights -------------===//
#pragma once

#include "runtime/proto/Evaluator.h"
#include "runtime/vm/Deployment.h"

namespace mpc::vm {

/// Of a phase without inputs and outputs.
class WeightsIo : public proto::EvaluatorIo {
public:
  explicit WeightsIo(const EvaluatorDeployment &d) : deployment_(d) {}
  std::span<const uint8_t> maskedInput(uint32_t) override { return {}; }
  std::span<const uint8_t> maskedWeight(size_t weight) override {
    return deployment_.masked[weight].span();
  }
  void output(std::span<const uint8_t>, std::span<const uint8_t>) override {}

private:
  const EvaluatorDeployment &deployment_;
};

} // namespace mpc::vm
