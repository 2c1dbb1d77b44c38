//===- tools/ApproxFile.cpp -----------------------------------------------===//
#include "ApproxFile.h"

#include "Toml.h"
#include <cmath>
#include <fmt/format.h>

namespace mpc::tools {
namespace {

using passes::Replacement;
using Kind = Replacement::Kind;
using Outside = Replacement::Outside;

constexpr size_t kMostCoefficients = 16;

class Reader {
public:
  explicit Reader(const passes::Options &o)
      : ringBits_(static_cast<int>(o.ringBits)),
        bits_(ringBits_ - static_cast<int>(o.fracBits) - 2) {}

  Result<Replacement> rule(TomlReader &in) const {
    Replacement r;
    r.place = in.place();
    MPC_TRY(in.text("node", r.node));
    MPC_TRY(in.text("op", r.op));
    std::string with;
    MPC_TRY(in.text("with", with));
    const std::pair<const char *, Kind> kinds[] = {{"pieces", Kind::Pieces},
                                                   {"quad", Kind::Quad},
                                                   {"2quad", Kind::TwoQuad},
                                                   {"2relu", Kind::TwoRelu}};
    bool known = false;
    for (const auto &[name, kind] : kinds)
      if (with == name) {
        r.kind = kind;
        known = true;
      }
    if (!known)
      return in.error("with", with.empty()
                                  ? "is missing; pieces, quad, 2quad or 2relu "
                                    "is expected"
                                  : fmt::format("is '{}'; pieces, quad, 2quad "
                                                "or 2relu is expected",
                                                with));
    if (!r.ofSoftmax()) {
      MPC_TRY(in.text("contains", r.contains));
      if (r.op.empty() && r.node.empty() && r.contains.empty())
        return in.error("with", "has no function to replace: give op, node or "
                                "contains beside it");
    }
    MPC_TRY(parameters(in, r));
    MPC_TRY(in.done());
    return r;
  }

private:
  Status parameters(TomlReader &in, Replacement &r) const {
    switch (r.kind) {
    case Kind::Pieces:
      return pieces(in, r);
    case Kind::Quad:
      MPC_TRY(coefficient(in, "a", r.a));
      MPC_TRY(coefficient(in, "b", r.b));
      return coefficient(in, "c", r.c);
    case Kind::TwoQuad:
      MPC_TRY(needed(in, "c"));
      MPC_TRY(coefficient(in, "c", r.shift));
      return in.number("eps", r.eps, 1, true);
    case Kind::TwoRelu:
      MPC_TRY(needed(in, "eps"));
      return in.number("eps", r.eps);
    }
    return {};
  }

  static Status needed(const TomlReader &in, const char *key) {
    if (in.has(key))
      return {};
    return in.error(key, "is missing; a number is expected");
  }

  Status fits(const TomlReader &in, const char *key, double x) const {
    if (std::fabs(x) < std::ldexp(1.0, bits_))
      return {};
    return in.error(
        key, fmt::format("comes to {:g}: rings of {} bits hold values below "
                         "2^{} beside their fraction bits",
                         x, ringBits_, bits_));
  }

  Status coefficient(TomlReader &in, const char *key, double &value) const {
    MPC_TRY(in.real(key, value));
    return fits(in, key, value);
  }

  Status pieces(TomlReader &in, Replacement &r) const {
    std::string outside = "clip";
    MPC_TRY(in.text("outside", outside));
    if (outside != "clip" && outside != "linear" && outside != "error")
      return in.error("outside", fmt::format("is '{}'; clip, linear or error "
                                             "is expected",
                                             outside));
    r.outside = outside == "clip"     ? Outside::Clip
                : outside == "linear" ? Outside::Linear
                                      : Outside::Error;
    Result<std::vector<TomlReader>> list = in.tables("pieces");
    if (!list)
      return list.error();
    if (list->empty())
      return in.error("pieces", "is missing or empty; an array of {from, to, "
                                "coefficients} is expected");
    for (TomlReader &t : *list)
      MPC_TRY(piece(t, r.pieces));
    return {};
  }

  Status piece(TomlReader &in, std::vector<Replacement::Piece> &all) const {
    Replacement::Piece p{0, 0, {}};
    MPC_TRY(needed(in, "from"));
    MPC_TRY(needed(in, "to"));
    MPC_TRY(in.real("from", p.from));
    MPC_TRY(in.real("to", p.to));
    MPC_TRY(in.reals("coefficients", p.coefficients));
    if (p.coefficients.empty() || p.coefficients.size() > kMostCoefficients)
      return in.error("coefficients",
                      fmt::format("has {} numbers; 1 to {} are expected, of "
                                  "x^0, x^1, ...",
                                  p.coefficients.size(), kMostCoefficients));
    if (!(p.from < p.to))
      return in.error("to", fmt::format("is {:g}, not above 'from', which is "
                                        "{:g}",
                                        p.to, p.from));
    if (!all.empty()) {
      const Replacement::Piece &before = all.back();
      if (p.from < before.from)
        return in.error("from", fmt::format("is {:g}: pieces ascend, and the "
                                            "one before begins at {:g}",
                                            p.from, before.from));
      if (p.from != before.to)
        return in.error(
            "from",
            fmt::format("is {:g}: it {} the piece before, which "
                        "ends at {:g}",
                        p.from,
                        p.from < before.to ? "overlaps" : "leaves a gap after",
                        before.to));
    }
    for (double c : p.coefficients)
      MPC_TRY(fits(in, "coefficients", c));
    for (double x : {p.from, p.to}) {
      double y = 0;
      for (size_t i = p.coefficients.size(); i-- > 0;)
        y = y * x + p.coefficients[i];
      MPC_TRY(fits(in, "coefficients", y));
    }
    MPC_TRY(in.done());
    all.push_back(std::move(p));
    return {};
  }

  int ringBits_, bits_; ///< magnitudes below 2^bits_ fit
};

} // namespace

Result<std::vector<passes::Replacement>>
readApprox(const std::string &path, const passes::Options &options) {
  Result<toml::table> file = parseTomlFile(path);
  if (!file)
    return file.error();
  TomlReader root(*file, path);
  Result<std::vector<TomlReader>> rules = root.tables("replace");
  if (!rules)
    return rules.error();
  MPC_TRY(root.done());
  if (rules->empty())
    return Error{fmt::format("{}: error: no [[replace]] in it", path)};
  std::vector<Replacement> result;
  const Reader reader(options);
  for (TomlReader &in : *rules) {
    Result<Replacement> r = reader.rule(in);
    if (!r)
      return r.error();
    result.push_back(std::move(*r));
  }
  return result;
}

} // namespace mpc::tools
