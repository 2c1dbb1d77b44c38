//===- frontend/ops/Linear.cpp - matrix products
//----------------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace mpc::frontend::ops {

void matMul(NodeReader &n) { n.out(n.matmul(n.in(0), n.in(1))); }

void gemm(NodeReader &n) {
  ValueId a = n.in(0), b = n.in(1);
  if (n.rank(a) != 2 || n.rank(b) != 2)
    return n.fail("needs two matrices");
  if (n.attrInt("transA", 0))
    a = n.transpose(a, {1, 0});
  if (n.attrInt("transB", 0))
    b = n.transpose(b, {1, 0});
  ValueId y = n.matmul(a, b);
  const double alpha = n.attrFloat("alpha", 1), beta = n.attrFloat("beta", 1);
  if (alpha != 1)
    y = n.mul(y, alpha);
  if (n.has(2) && beta != 0) {
    ValueId c = beta == 1 ? n.in(2) : n.mul(n.in(2), beta);
    const Shape result = n.shape(y);
    y = n.add(y, c);
    if (!n.failed() && n.shape(y) != result)
      n.fail("C of shape " + shapeStr(n.shape(c)) + " does not broadcast to " +
             shapeStr(result));
  }
  n.out(y);
}

namespace {
/// One operand of an einsum with a letter for every axis.
struct Term {
  ValueId value;
  std::string letters;
};
} // namespace

/// Sums over the letters that are in no other place.
static void sumOut(NodeReader &n, Term &t, llvm::StringRef keep) {
  Shape axes;
  std::string left;
  for (size_t i = 0; i < t.letters.size(); ++i)
    if (keep.contains(t.letters[i]))
      left += t.letters[i];
    else
      axes.push_back(i);
  t.value = n.reduce(Opcode::ReduceSum, t.value, axes, false);
  t.letters = left;
}

/// The term with its axes in the order of `letters` (a permutation).
static ValueId ordered(NodeReader &n, const Term &t, llvm::StringRef letters) {
  Shape perm;
  for (char c : letters)
    perm.push_back(t.letters.find(c));
  return n.transpose(t.value, perm);
}

static int64_t sizeOver(NodeReader &n, const Term &t, llvm::StringRef letters) {
  int64_t size = 1;
  for (char c : letters)
    size *= n.shape(t.value)[t.letters.find(c)];
  return size;
}

/// Batch letters are in both terms and the result, row and column letters in
/// one term and the result, inner letters in both terms only: a batched
/// matrix product between two transposes.
static Term contract(NodeReader &n, Term a, Term b, llvm::StringRef result) {
  sumOut(n, a, (result + b.letters).str());
  sumOut(n, b, (result + a.letters).str());
  std::string batch, rows, columns, inner;
  for (char c : a.letters)
    (llvm::StringRef(b.letters).contains(c)
         ? (result.contains(c) ? batch : inner)
         : rows) += c;
  for (char c : b.letters)
    if (!llvm::StringRef(a.letters).contains(c))
      columns += c;
  if (n.failed())
    return {};
  for (char c : batch + inner)
    if (n.shape(a.value)[a.letters.find(c)] !=
        n.shape(b.value)[b.letters.find(c)]) {
      n.fail("index '" + llvm::Twine(c) + "' has two sizes");
      return {};
    }
  const int64_t nb = sizeOver(n, a, batch), k = sizeOver(n, a, inner);
  const int64_t m = sizeOver(n, a, rows), p = sizeOver(n, b, columns);
  Shape out;
  for (char c : batch + rows)
    out.push_back(n.shape(a.value)[a.letters.find(c)]);
  for (char c : columns)
    out.push_back(n.shape(b.value)[b.letters.find(c)]);
  ValueId x = n.reshape(ordered(n, a, batch + rows + inner), {nb, m, k});
  ValueId y = n.reshape(ordered(n, b, batch + inner + columns), {nb, k, p});
  return {n.reshape(n.matmul(x, y), out), batch + rows + columns};
}

/// The letters of "..." in every term and the result: those of the longest one,
/// counted from the right.
static bool expandEllipses(NodeReader &n,
                           llvm::SmallVectorImpl<std::string> &terms,
                           std::string &result, bool implicit) {
  const std::string used = llvm::join(terms, "") + result;
  std::string fresh;
  size_t most = 0;
  for (char c = 'z'; c >= 'A'; --c)
    if (llvm::isAlpha(c) && used.find(c) == std::string::npos)
      fresh += c;
  for (size_t i = 0; i < terms.size(); ++i) {
    const size_t at = terms[i].find("...");
    if (at == std::string::npos)
      continue;
    const int64_t count =
        n.rank(n.in(i)) - static_cast<int64_t>(terms[i].size() - 3);
    if (count < 0 || count > static_cast<int64_t>(fresh.size())) {
      n.fail("input " + llvm::Twine(i) + " has too few axes for '" + terms[i] +
             "'");
      return false;
    }
    most = std::max<size_t>(most, count);
    terms[i].replace(
        at, 3,
        std::string(fresh.rbegin() + (fresh.size() - count), fresh.rend()));
  }
  const std::string all(fresh.rbegin() + (fresh.size() - most), fresh.rend());
  if (implicit)
    result = all + result;
  else if (const size_t at = result.find("..."); at != std::string::npos)
    result.replace(at, 3, all);
  return true;
}

/// A letter that a term has twice: its diagonal.
static void takeDiagonals(NodeReader &n, Term &t) {
  for (size_t i = 0; i < t.letters.size(); ++i) {
    const size_t j = t.letters.find(t.letters[i], i + 1);
    if (j == std::string::npos)
      continue;
    const Shape s = n.shape(t.value), str = strides(s);
    if (s[i] != s[j])
      return n.fail("index '" + llvm::Twine(t.letters[i]) + "' has two sizes");
    Shape out = s;
    out.erase(out.begin() + j);
    const Shape outStr = strides(out);
    if (n.tooLarge(ir::numelOf(out)))
      return;
    std::vector<int64_t> from(ir::numelOf(out));
    for (size_t k = 0; k < from.size(); ++k)
      for (size_t a = 0; a < out.size(); ++a) {
        const int64_t at = static_cast<int64_t>(k) / outStr[a] % out[a];
        from[k] += at * str[a < j ? a : a + 1] + (a == i ? at * str[j] : 0);
      }
    t.value = n.take(t.value, std::move(from), out);
    t.letters.erase(j, 1);
    --i;
  }
}

void einsum(NodeReader &n) {
  std::string equation = n.attrStr("equation", "");
  llvm::erase(equation, ' ');
  const bool isImplicit = !llvm::StringRef(equation).contains("->");
  auto [lhs, right] = llvm::StringRef(equation).split("->");
  llvm::SmallVector<llvm::StringRef> parts;
  lhs.split(parts, ',');
  llvm::SmallVector<std::string> terms(parts.begin(), parts.end());
  std::string result = right.str();
  if (isImplicit) // the letters that occur once, sorted
    for (char c = 'A'; c <= 'z'; ++c)
      if (llvm::isAlpha(c) && lhs.count(c) == 1)
        result += c;
  if (terms.size() != n.numInputs())
    return n.fail("attribute 'equation' is " + equation + " for " +
                  llvm::Twine(n.numInputs()) + " inputs");
  if (!expandEllipses(n, terms, result, isImplicit))
    return;
  const std::string letters = llvm::join(terms, "");
  for (size_t i = 0; i < terms.size(); ++i)
    if (n.rank(n.in(i)) != static_cast<int64_t>(terms[i].size()) ||
        !llvm::all_of(terms[i], [](char c) { return llvm::isAlpha(c); }))
      return n.fail("input " + llvm::Twine(i) + " has shape " +
                    shapeStr(n.shape(n.in(i))) + " for '" + terms[i] + "'");
  for (size_t i = 0; i < result.size(); ++i)
    if (letters.find(result[i]) == std::string::npos ||
        result.find(result[i], i + 1) != std::string::npos)
      return n.fail("attribute 'equation' is " + equation);
  Term t{n.in(0), terms[0]};
  takeDiagonals(n, t);
  for (size_t i = 1; i < terms.size() && !n.failed(); ++i) {
    Term next{n.in(i), terms[i]};
    takeDiagonals(n, next);
    std::string keep = result;
    for (size_t k = i + 1; k < terms.size(); ++k)
      keep += terms[k];
    if (!n.failed())
      t = contract(n, t, next, keep);
  }
  if (n.failed())
    return;
  sumOut(n, t, result);
  if (!n.failed())
    n.out(ordered(n, t, result));
}

} // namespace mpc::frontend::ops
