//===- ir/Expr.cpp - univariate functions: text, value, composition -------===//
#include "ir/Expr.h"
#include "ir/TextUtil.h"
#include "runtime/core/Scalar.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include <algorithm>
#include <array>

namespace mpc::ir {

//===--------------------------------------------------------------------===//
// Functions
//===--------------------------------------------------------------------===//

unsigned elementwiseArity(Opcode op) {
  if (op >= Opcode::Add && op <= Opcode::Select && op != Opcode::Map)
    return static_cast<unsigned>(info(op).minOperands);
  return 0;
}

bool isElementwise(Opcode op) { return elementwiseArity(op) != 0; }

/// out[i] = op(args[0][i], args[1][i], ...), n elements.
static void applyTo(Opcode op, const double *const *args, size_t n,
                    double *out) {
  namespace scalar = core::scalar;
  const double *x = args[0];
  if (op == Opcode::Select) {
    for (size_t i = 0; i < n; ++i)
      out[i] = x[i] != 0 ? args[1][i] : args[2][i];
    return;
  }
  auto one = [&](auto f) {
    for (size_t i = 0; i < n; ++i)
      out[i] = f(x[i]);
  };
  auto two = [&](auto f) {
    for (size_t i = 0; i < n; ++i)
      out[i] = f(x[i], args[1][i]);
  };
  [[maybe_unused]] const bool known =
      elementwiseArity(op) == 1
          ? scalar::unary<scalar::CMath, double>(op, one)
          : scalar::binary<scalar::CMath, double>(op, two) ||
                scalar::comparison<double>(op, two);
  assert(known && "not an elementwise op");
}

double applyScalar(Opcode op, llvm::ArrayRef<double> a) {
  assert(a.size() == elementwiseArity(op));
  const double *args[3] = {};
  for (size_t i = 0; i < a.size(); ++i)
    args[i] = &a[i];
  double r = 0;
  applyTo(op, args, 1, &r);
  return r;
}

//===--------------------------------------------------------------------===//
// Building
//===--------------------------------------------------------------------===//

Expr Expr::variable() {
  Expr e;
  e.nodes_.push_back({Node::Var, Opcode::Add, 0, {}});
  return e;
}

Expr Expr::constant(double value) {
  Expr e;
  e.nodes_.push_back({Node::Const, Opcode::Add, value, {}});
  return e;
}

Expr Expr::apply(Opcode op, llvm::ArrayRef<Expr> args) {
  assert(args.size() == elementwiseArity(op) && "wrong number of arguments");
  Expr e;
  Node root{Node::Apply, op, 0, {}};
  for (const Expr &arg : args) {
    auto base = static_cast<uint32_t>(e.nodes_.size());
    for (Node n : arg.nodes_) {
      for (uint32_t &i : n.args)
        i += base;
      e.nodes_.push_back(std::move(n));
    }
    root.args.push_back(static_cast<uint32_t>(e.nodes_.size() - 1));
  }
  e.nodes_.push_back(std::move(root));
  return e;
}

Expr Expr::compose(const Expr &inner) const {
  if (isConstant())
    return *this;
  // The inner expression appears once and is shared by all uses; node indices
  // of the outer one map to their new places.
  Expr e;
  e.nodes_ = inner.nodes_;
  auto innerRoot = static_cast<uint32_t>(e.nodes_.size() - 1);
  std::vector<uint32_t> place(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].kind == Node::Var) {
      place[i] = innerRoot;
      continue;
    }
    Node n = nodes_[i];
    for (uint32_t &arg : n.args)
      arg = place[arg];
    e.nodes_.push_back(std::move(n));
    place[i] = static_cast<uint32_t>(e.nodes_.size() - 1);
  }
  return e;
}

bool Expr::isConstant() const {
  // Nodes that the root does not reach cannot occur, so any variable counts.
  for (const Node &n : nodes_)
    if (n.kind == Node::Var)
      return false;
  return true;
}

std::optional<double> Expr::constantValue() const {
  if (!isConstant())
    return std::nullopt;
  return eval(0);
}

std::optional<double> Expr::breakAt(uint32_t i) const {
  if (nodes_[i].kind != Node::Apply || nodes_[i].op != Opcode::Select)
    return std::nullopt;
  const Node &c = nodes_[nodes_[i].args[0]];
  if (c.kind != Node::Apply ||
      (c.op != Opcode::Less && c.op != Opcode::LessEqual))
    return std::nullopt;
  const Node &a = nodes_[c.args[0]], &b = nodes_[c.args[1]];
  if (a.kind == Node::Var && b.kind == Node::Const)
    return b.value;
  if (a.kind == Node::Const && b.kind == Node::Var)
    return a.value;
  return std::nullopt;
}

std::vector<double> Expr::breaks() const {
  std::vector<double> result;
  std::vector<uint32_t> open{static_cast<uint32_t>(nodes_.size() - 1)};
  while (!open.empty()) {
    const uint32_t i = open.back();
    open.pop_back();
    const std::optional<double> at = breakAt(i);
    if (!at)
      continue;
    result.push_back(*at);
    open.push_back(nodes_[i].args[1]);
    open.push_back(nodes_[i].args[2]);
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

Expr Expr::branchAt(double x) const {
  auto root = static_cast<uint32_t>(nodes_.size() - 1);
  while (breakAt(root)) {
    const Node &c = nodes_[nodes_[root].args[0]];
    double args[2];
    for (int k : {0, 1}) {
      const Node &n = nodes_[c.args[k]];
      args[k] = n.kind == Node::Var ? x : n.value;
    }
    root = nodes_[root].args[applyScalar(c.op, args) != 0 ? 1 : 2];
  }
  std::vector<bool> reached(root + 1, false);
  reached[root] = true;
  for (uint32_t i = root + 1; i-- > 0;)
    if (reached[i])
      for (uint32_t arg : nodes_[i].args)
        reached[arg] = true;
  Expr e;
  std::vector<uint32_t> place(root + 1);
  for (uint32_t i = 0; i <= root; ++i) {
    if (!reached[i])
      continue;
    Node n = nodes_[i];
    for (uint32_t &arg : n.args)
      arg = place[arg];
    place[i] = static_cast<uint32_t>(e.nodes_.size());
    e.nodes_.push_back(std::move(n));
  }
  return e;
}

bool Expr::contains(Opcode op) const {
  return llvm::any_of(nodes_, [&](const Node &n) {
    return n.kind == Node::Apply && n.op == op;
  });
}

//===--------------------------------------------------------------------===//
// Value
//===--------------------------------------------------------------------===//

double Expr::eval(double x) const {
  llvm::SmallVector<double, 32> v(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node &n = nodes_[i];
    if (n.kind == Node::Apply) {
      double args[3];
      for (size_t k = 0; k < n.args.size(); ++k)
        args[k] = v[n.args[k]];
      v[i] = applyScalar(n.op, {args, n.args.size()});
    } else {
      v[i] = n.kind == Node::Var ? x : n.value;
    }
  }
  return v.back();
}

void Expr::evalMany(llvm::ArrayRef<double> x,
                    llvm::MutableArrayRef<double> y) const {
  assert(x.size() == y.size());
  constexpr size_t kBlock = 256;
  std::vector<std::array<double, kBlock>> v(nodes_.size());
  for (size_t from = 0; from < x.size(); from += kBlock) {
    size_t len = std::min(kBlock, x.size() - from);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const Node &n = nodes_[i];
      if (n.kind == Node::Var) {
        std::copy_n(x.begin() + from, len, v[i].begin());
      } else if (n.kind == Node::Const) {
        std::fill_n(v[i].begin(), len, n.value);
      } else {
        const double *args[3] = {};
        for (size_t k = 0; k < n.args.size(); ++k)
          args[k] = v[n.args[k]].data();
        applyTo(n.op, args, len, v[i].data());
      }
    }
    std::copy_n(v.back().begin(), len, y.begin() + from);
  }
}

//===--------------------------------------------------------------------===//
// Text
//===--------------------------------------------------------------------===//

/// "tensor.less_equal" -> "less_equal".
static llvm::StringRef shortName(Opcode op) {
  return info(op).mnemonic.drop_front(strlen("tensor."));
}

std::string Expr::str() const {
  std::vector<std::string> text(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node &n = nodes_[i];
    if (n.kind == Node::Var) {
      text[i] = "x";
    } else if (n.kind == Node::Const) {
      text[i] = formatNumber(n.value);
    } else {
      text[i] = shortName(n.op).str() + "(";
      for (size_t k = 0; k < n.args.size(); ++k)
        text[i] += (k ? "," : "") + text[n.args[k]];
      text[i] += ")";
    }
  }
  return text.back();
}

/// Recursive descent with a bound on depth and size: the text may come from a
/// file. Equal subexpressions become one node, so sharing survives the text.
class ExprParser {
public:
  explicit ExprParser(llvm::StringRef text) : rest_(text), all_(text) {}

  llvm::Expected<Expr> run() {
    std::optional<uint32_t> root = expression(0);
    if (root && !skipSpace().empty())
      root = fail("expected the end");
    if (!root)
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(), "expression, character %u: %s",
          static_cast<unsigned>(all_.size() - rest_.size() + 1),
          message_.c_str());
    return std::move(expr_);
  }

private:
  static constexpr unsigned kMaxDepth = 200;
  static constexpr size_t kMaxNodes = 10000;

  llvm::StringRef skipSpace() { return rest_ = rest_.ltrim(); }

  std::nullopt_t fail(llvm::StringRef message) {
    if (message_.empty())
      message_ = message.str();
    return std::nullopt;
  }

  uint32_t intern(Expr::Node node) {
    std::string key = std::to_string(node.kind) + ":" +
                      std::to_string(static_cast<int>(node.op)) + ":" +
                      formatNumber(node.value);
    for (uint32_t a : node.args)
      key += "," + std::to_string(a);
    auto [it, fresh] =
        known_.try_emplace(key, static_cast<uint32_t>(expr_.nodes_.size()));
    if (fresh)
      expr_.nodes_.push_back(std::move(node));
    return it->second;
  }

  std::optional<uint32_t> expression(unsigned depth) {
    skipSpace();
    if (depth > kMaxDepth || ++count_ > kMaxNodes)
      return fail("expression is too large");
    llvm::StringRef word =
        rest_.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    if (word == "x") {
      rest_ = rest_.drop_front();
      return intern({Expr::Node::Var, Opcode::Add, 0, {}});
    }
    bool named = !word.empty() && llvm::isAlpha(word[0]) && word != "inf" &&
                 word != "nan";
    if (!named)
      return number();
    std::optional<Opcode> op = opcodeByMnemonic(("tensor." + word).str());
    if (!op || !isElementwise(*op))
      return fail(("'" + word + "' is not an elementwise function").str());
    rest_ = rest_.drop_front(word.size());
    Expr::Node node{Expr::Node::Apply, *op, 0, {}};
    for (unsigned k = 0; k < elementwiseArity(*op); ++k) {
      if (!skipSpace().consume_front(k ? "," : "("))
        return fail(k ? "expected ','" : "expected '('");
      rest_ = rest_.drop_front();
      std::optional<uint32_t> arg = expression(depth + 1);
      if (!arg)
        return std::nullopt;
      node.args.push_back(*arg);
    }
    if (skipSpace().empty() || rest_[0] != ')')
      return fail("expected ')'");
    rest_ = rest_.drop_front();
    return intern(std::move(node));
  }

  std::optional<uint32_t> number() {
    double value;
    size_t used = parseNumberPrefix(rest_, value);
    if (used == 0)
      return fail("expected x, a number or a function");
    rest_ = rest_.drop_front(used);
    return intern({Expr::Node::Const, Opcode::Add, value, {}});
  }

  llvm::StringRef rest_, all_;
  std::string message_;
  size_t count_ = 0;
  llvm::StringMap<uint32_t> known_;
  Expr expr_;
};

llvm::Expected<Expr> Expr::parse(llvm::StringRef text) {
  return ExprParser(text).run();
}

} // namespace mpc::ir
