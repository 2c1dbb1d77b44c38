//===- runtime/service/LeadWire.cpp ---------------------------------------===//
#include "runtime/service/LeadWire.h"

#include "runtime/core/ByteStream.h"

#include <concepts>
#include <type_traits>

namespace mpc::service {
namespace {

constexpr size_t kMaxText = 1024;

/// The one list of a message's fields, for both directions.
template <class M, class V>
requires std::same_as<std::remove_const_t<M>, Command>
void eachField(M &c, V &v) {
  v.choice(c.kind, Command::Kind::Serve, "unknown command");
  v.bytes(c.deployment);
  v.bytes(c.token);
  v.bytes(c.request);
  v.tokens(c.tokens);
}
template <class M, class V>
requires std::same_as<std::remove_const_t<M>, Reply>
void eachField(M &a, V &v) {
  v.choice(a.code, Reply::Code::Refused, "unknown answer");
  v.text(a.text);
  v.tokens(a.tokens);
}

struct Encoder {
  core::Writer w;

  template <class E> void choice(E e, E, const char *) {
    w.u8(static_cast<uint8_t>(e));
  }
  void bytes(std::span<const uint8_t> b) { w.bytes(b); }
  void text(std::string_view t) { w.string(t.substr(0, kMaxText)); }
  void tokens(const std::vector<Token> &all) {
    w.u32(static_cast<uint32_t>(all.size()));
    for (const Token &t : all)
      w.bytes(t);
  }
};

struct Decoder {
  core::Reader r;

  /// 1 to `last`.
  template <class E> void choice(E &e, E last, const char *otherwise) {
    const uint8_t n = r.u8();
    if (n < 1 || n > static_cast<uint8_t>(last))
      r.fail(otherwise);
    e = static_cast<E>(n);
  }
  template <size_t N> void bytes(std::array<uint8_t, N> &b) { r.fill(b); }
  void text(std::string &t) { t = r.printable(kMaxText); }
  void tokens(std::vector<Token> &all) {
    const uint32_t n = r.u32();
    if (n > kMaxTokens || n * sizeof(Token) > r.remaining())
      return r.fail("too many tokens");
    all.resize(n);
    for (Token &t : all)
      r.fill(t);
  }
};

template <class M> std::vector<uint8_t> encoded(const M &message) {
  Encoder e;
  eachField(message, e);
  return e.w.take();
}

template <class M> Result<M> decoded(std::span<const uint8_t> bytes) {
  Decoder d{core::Reader(bytes)};
  M message;
  eachField(message, d);
  MPC_TRY(d.r.finish());
  return message;
}

} // namespace

uint64_t sessionTag(const Token &token) {
  uint64_t tag = 0;
  for (size_t i = 0; i < 8; ++i)
    tag |= uint64_t{token[i]} << (8 * i);
  return tag;
}

std::vector<uint8_t> Command::encode() const { return encoded(*this); }
Result<Command> Command::decode(std::span<const uint8_t> bytes) {
  return decoded<Command>(bytes);
}

std::vector<uint8_t> Reply::encode() const { return encoded(*this); }
Result<Reply> Reply::decode(std::span<const uint8_t> bytes) {
  return decoded<Reply>(bytes);
}

} // namespace mpc::service
