//===- frontend/ops/Recurrent.cpp - RNN, GRU, LSTM, unrolled --------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"

namespace mpc::frontend::ops {

namespace {
/// X as steps of [B, I], the products with W done at once.
struct Cell {
  int64_t steps, batch, hidden;
  bool batchFirst;
  ValueId input;     ///< X W^T, [steps, B, gates * H], with both biases if `wb`
  ValueId recurrent; ///< R^T, [H, gates * H]
  ValueId wb, rb;    ///< [gates * H] each, if the node has a bias
  ValueId h;         ///< [B, H]
};
} // namespace

static ValueId initialState(NodeReader &n, size_t i, const Cell &c) {
  if (!n.has(i))
    return n.broadcastTo(n.scalar(0), {c.batch, c.hidden});
  return n.reshape(n.in(i), {c.batch, c.hidden});
}

static std::optional<Cell> readCell(NodeReader &n, int64_t gates) {
  ValueId x = n.in(0), w = n.in(1), r = n.in(2);
  const bool batchFirst = n.attrInt("layout", 0) != 0;
  if (n.rank(x) == 3 && batchFirst)
    x = n.transpose(x, {1, 0, 2});
  const Shape sx = n.shape(x), sw = n.shape(w), sr = n.shape(r);
  if (sx.size() != 3 || sw.size() != 3 || sr.size() != 3 || sw[0] != 1 ||
      sr[0] != 1 || sr[1] != gates * sr[2] || sw[1] != sr[1]) {
    n.fail("data of shape " + shapeStr(sx) + ", weights of shapes " +
           shapeStr(sw) + " and " + shapeStr(sr) + "; one direction only");
    return std::nullopt;
  }
  constexpr int64_t kMostSteps = kMaxFoldedElements >> 12; // unrolled
  if (sx[0] > kMostSteps) {
    n.fail("a sequence of " + llvm::Twine(sx[0]) + " steps; at most " +
           llvm::Twine(kMostSteps) + " are supported");
    return std::nullopt;
  }
  if (n.hasAttr("activations"))
    n.services().note("activations of recurrent nodes are taken to be the "
                      "default ones");
  Cell c{sx[0], sx[1], sr[2], batchFirst, {}, {}, {}, {}, {}};
  if (n.has(4))
    for (int64_t length : n.knownInts(4, "sequence_lens"))
      if (length != c.steps)
        n.fail("input 4 (sequence_lens) has shorter sequences");
  const int64_t width = gates * c.hidden;
  c.input = n.matmul(x, n.transpose(n.reshape(w, {width, sx[2]}), {1, 0}));
  c.recurrent = n.transpose(n.reshape(r, {width, c.hidden}), {1, 0});
  if (n.has(3)) {
    ValueId b = n.reshape(n.in(3), {2 * width});
    c.wb = n.slice(b, 0, 0, width);
    c.rb = n.slice(b, 0, width, width);
  }
  c.h = initialState(n, 5, c);
  if (n.failed())
    return std::nullopt;
  return c;
}

static ValueId stepInput(NodeReader &n, const Cell &c, int64_t t) {
  ValueId x =
      n.reshape(n.slice(c.input, 0, t, 1), {c.batch, n.shape(c.input)[2]});
  return c.wb.valid() ? n.add(x, c.wb) : x;
}

/// Gate `i` of [B, gates * H].
static ValueId gate(NodeReader &n, const Cell &c, ValueId x, int64_t i) {
  return n.slice(x, 1, i * c.hidden, c.hidden);
}

/// Y and Y_h (and Y_c).
static void finish(NodeReader &n, const Cell &c,
                   const std::vector<ValueId> &states, ValueId last) {
  std::vector<ValueId> steps;
  for (ValueId h : states)
    steps.push_back(n.reshape(h, {1, 1, c.batch, c.hidden}));
  if (steps.empty())
    return n.fail("a sequence without steps");
  auto state = [&](ValueId h) {
    return n.reshape(h, c.batchFirst ? Shape{c.batch, 1, c.hidden}
                                     : Shape{1, c.batch, c.hidden});
  };
  ValueId y = n.concat(steps, 0);
  n.out(0, c.batchFirst ? n.transpose(y, {2, 0, 1, 3}) : y);
  n.out(1, state(states.back()));
  if (last.valid())
    n.out(2, state(last));
}

void rnn(NodeReader &n) {
  auto c = readCell(n, 1);
  if (!c)
    return;
  std::vector<ValueId> states;
  for (int64_t t = 0; t < c->steps && !n.failed(); ++t) {
    ValueId x = n.add(stepInput(n, *c, t), n.matmul(c->h, c->recurrent));
    if (c->rb.valid())
      x = n.add(x, c->rb);
    states.push_back(c->h = n.unary(Opcode::Tanh, x));
  }
  finish(n, *c, states, {});
}

void gru(NodeReader &n) {
  auto c = readCell(n, 3);
  if (!c)
    return;
  const bool before = n.attrInt("linear_before_reset", 0) != 0;
  ValueId toHidden = n.slice(c->recurrent, 1, 2 * c->hidden, c->hidden);
  std::vector<ValueId> states;
  for (int64_t t = 0; t < c->steps && !n.failed(); ++t) {
    ValueId x = stepInput(n, *c, t), h = n.matmul(c->h, c->recurrent);
    if (c->rb.valid())
      h = n.add(h, c->rb);
    auto sigmoid = [&](int64_t i) {
      return n.unary(Opcode::Sigmoid,
                     n.add(gate(n, *c, x, i), gate(n, *c, h, i)));
    };
    ValueId z = sigmoid(0), r = sigmoid(1), inner;
    if (before) {
      inner = n.mul(r, gate(n, *c, h, 2));
    } else {
      inner = n.matmul(n.mul(r, c->h), toHidden);
      if (c->rb.valid())
        inner = n.add(inner, n.slice(c->rb, 0, 2 * c->hidden, c->hidden));
    }
    ValueId fresh = n.unary(Opcode::Tanh, n.add(gate(n, *c, x, 2), inner));
    states.push_back(c->h = n.add(fresh, n.mul(z, n.sub(c->h, fresh))));
  }
  finish(n, *c, states, {});
}

void lstm(NodeReader &n) {
  auto c = readCell(n, 4);
  if (!c)
    return;
  ValueId memory = initialState(n, 6, *c);
  ValueId peephole[3]; // of input, output, forget gate
  if (n.has(7))
    for (int64_t i = 0; i < 3; ++i)
      peephole[i] = n.slice(n.reshape(n.in(7), {3 * c->hidden}), 0,
                            i * c->hidden, c->hidden);
  std::vector<ValueId> states;
  for (int64_t t = 0; t < c->steps && !n.failed(); ++t) {
    ValueId x = n.add(stepInput(n, *c, t), n.matmul(c->h, c->recurrent));
    if (c->rb.valid())
      x = n.add(x, c->rb);
    auto sigmoid = [&](int64_t i, int64_t p) {
      ValueId v = gate(n, *c, x, i);
      if (peephole[p].valid())
        v = n.add(v, n.mul(peephole[p], memory));
      return n.unary(Opcode::Sigmoid, v);
    };
    ValueId in = sigmoid(0, 0), forget = sigmoid(2, 2);
    ValueId fresh = n.unary(Opcode::Tanh, gate(n, *c, x, 3));
    memory = n.add(n.mul(forget, memory), n.mul(in, fresh));
    ValueId out = sigmoid(1, 1);
    states.push_back(c->h = n.mul(out, n.unary(Opcode::Tanh, memory)));
  }
  finish(n, *c, states, memory);
}

} // namespace mpc::frontend::ops
