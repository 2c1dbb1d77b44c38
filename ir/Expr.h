//===- ir/Expr.h - univariate functions kept as expressions ---------------===//
//
// The body of a tensor.map: a function of one variable x, written as
//   mul(mul(x,0.5),add(1,erf(mul(x,0.70710678))))
// with the names of tensor-level elementwise ops (add sub mul div pow max min
// mod neg abs sign floor ceil round exp log sqrt rsqrt recip erf tanh sigmoid
// sin cos relu less less_equal equal and or xor not select) and real constants.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "llvm/Support/Error.h"

namespace mpc::ir {

class Expr {
public:
  static Expr variable();
  static Expr constant(double value);
  static Expr apply(Opcode op, llvm::ArrayRef<Expr> args);
  static llvm::Expected<Expr> parse(llvm::StringRef text);

  std::string str() const; ///< parse(str()) is the same function
  double eval(double x) const;
  /// y[i] = eval(x[i]), without the cost of walking the tree for each.
  void evalMany(llvm::ArrayRef<double> x,
                llvm::MutableArrayRef<double> y) const;
  /// Replaces the variable: result(x) = this(inner(x)).
  Expr compose(const Expr &inner) const;
  bool isConstant() const;
  /// The value of a constant expression.
  std::optional<double> constantValue() const;
  bool isVariable() const { return nodes_.back().kind == Node::Var; }
  /// Sound bounds of the function on [lo, hi] (interval arithmetic refined by
  /// subdivision); infinite where it has a pole.
  std::pair<double, double> range(double lo, double hi) const;
  /// Constants that a chain of selects at the root compares the variable with,
  /// ascending: where one branch gives way to another. The variable itself, not
  /// a function of it: select(less(x,1),...).
  std::vector<double> breaks() const;
  /// The branch of that chain that holds at x.
  Expr branchAt(double x) const;
  /// Whether the function contains an op.
  bool contains(Opcode op) const;
  /// Number of nodes.
  size_t size() const { return nodes_.size(); }

private:
  struct Node {
    enum Kind : uint8_t { Var, Const, Apply } kind;
    Opcode op;
    double value;
    llvm::SmallVector<uint32_t, 3> args; ///< indices of earlier nodes
  };
  Expr() = default;
  /// What select node i of the chain compares the variable with.
  std::optional<double> breakAt(uint32_t i) const;
  friend class ExprParser;
  std::vector<Node> nodes_; ///< postorder, the last one is the root
};

/// Number of arguments if the opcode may occur in an Expr, else 0.
unsigned elementwiseArity(Opcode op);

/// Whether an opcode may occur in an Expr, and its value for given arguments.
bool isElementwise(Opcode op);
double applyScalar(Opcode op, llvm::ArrayRef<double> args);

} // namespace mpc::ir
