//===- runtime/vm/WeightsIo.h - an evaluator's masked weights -------------===//
#pragma once

#include "runtime/proto/Evaluator.h"
#include "runtime/vm/Deployment.h"

#include <functional>

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
  void weightRead(size_t weight) override {
    if (afterRead)
      afterRead(weight);
  }
  std::function<void(size_t)> afterRead;

private:
  const EvaluatorDeployment &deployment_;
};

} // namespace mpc::vm
