//===- runtime/proto/Univariate.h - parameters of table ops ---------------===//
//
// The immediates of spline, exp, fourier and one_hot as the kernels' parameter
// structs: one place, used by dealer, evaluators, and the check before a run.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/crypto/Dpf.h"
#include "runtime/kernels/ExpTable.h"
#include "runtime/kernels/Fourier.h"
#include "runtime/kernels/Spline.h"
#include "runtime/proto/Dealer.h"

namespace mpc::proto {

kernels::SplineTable splineTable(const plan::Plan &plan, const plan::Instr &in);
kernels::ExpParams expParams(const plan::Plan &plan, const plan::Instr &in);
kernels::FourierTable fourierTable(const plan::Plan &plan,
                                   const plan::Instr &in);
/// Of one_hot, and of one_hot_bits.
crypto::DpfParams oneHotDpf(const plan::Plan &plan, const plan::Instr &in);

/// Keys of both: a one at the mask of each element of operand 0.
void dealRowSelector(Dealer &p);

/// The low `bits` of l1 + l2 of an operand.
Words lowMaskBits(const Dealer &p, size_t operand, unsigned bits);
/// Gives the low `bits` of each value to the tap.
void tapLowBits(const Dealer &p, const Words &lambda, unsigned bits);

/// The kernels' own rules for these ops' parameters, for every instruction of
/// a plan: a plan that passes has no instruction they cannot run. Errors name
/// the ONNX node.
Status checkParameters(const plan::Plan &plan);

} // namespace mpc::proto
