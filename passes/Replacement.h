//===- passes/Replacement.h - functions that the user replaces ------------===//
//
// One rule of --approx (docs/approximations.md): which functions, and what
// takes their place. `replace-functions` applies rules in order; the first
// that fits a function replaces it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <string>
#include <vector>

namespace mpc::passes {

struct Replacement {
  enum class Kind { Pieces, Quad, TwoQuad, TwoRelu };
  /// Beyond the first and the last piece: the value there, the tangent there,
  /// or nothing (a sample that gets there is an error).
  enum class Outside { Clip, Linear, Error };
  struct Piece {
    double from, to;                  ///< [from, to)
    std::vector<double> coefficients; ///< of x^0, x^1, ...
  };

  std::string place; ///< "approx.toml:3:1", for messages
  // All that are given must hold.
  std::string op;       ///< operator type of the ONNX node: "Gelu"
  std::string node;     ///< pattern of node names: "*/act/*"
  std::string contains; ///< an operator inside a fused function: "Erf"

  Kind kind = Kind::Pieces;
  std::vector<Piece> pieces; ///< ascending, without gaps
  Outside outside = Outside::Clip;
  double a = 0.125, b = 0.25, c = 0.5; ///< quad: a x^2 + b x + c
  double shift = 0; ///< 2quad: (x + shift)^2 / sum of (x + shift)^2
  double eps = 0;   ///< added to the sum
  bool ofSoftmax() const {
    return kind == Kind::TwoQuad || kind == Kind::TwoRelu;
  }
};

} // namespace mpc::passes
