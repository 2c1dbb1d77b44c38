//===- runtime/service/LeadWire.cpp ---------------------------------------===//
#include "runtime/service/LeadWire.h"

#include "runtime/core/ByteStream.h"

#include <algorithm>

namespace mpc::service {
namespace {

constexpr size_t kMaxText = 1024;

template <size_t N> void read(core::Reader &r, std::array<uint8_t, N> &out) {
  std::ranges::copy(r.bytes(N), out.begin());
}

void write(core::Writer &w, const std::vector<Token> &tokens) {
  w.u32(static_cast<uint32_t>(tokens.size()));
  for (const Token &t : tokens)
    w.bytes(t);
}

std::vector<Token> readTokens(core::Reader &r) {
  const uint32_t n = r.u32();
  if (n > kMaxTokens || n * sizeof(Token) > r.remaining()) {
    r.fail("too many tokens");
    return {};
  }
  std::vector<Token> out(n);
  for (Token &t : out)
    read(r, t);
  return out;
}

} // namespace

uint64_t sessionTag(const Token &token) {
  uint64_t tag = 0;
  for (size_t i = 0; i < 8; ++i)
    tag |= uint64_t{token[i]} << (8 * i);
  return tag;
}

std::vector<uint8_t> Command::encode() const {
  core::Writer w;
  w.u8(static_cast<uint8_t>(kind));
  w.bytes(deployment);
  w.bytes(token);
  w.bytes(request);
  write(w, tokens);
  return w.take();
}

Result<Command> Command::decode(std::span<const uint8_t> bytes) {
  core::Reader r(bytes);
  Command c;
  const uint8_t kind = r.u8();
  if (kind < 1 || kind > static_cast<uint8_t>(Kind::Serve))
    r.fail("unknown command");
  c.kind = static_cast<Kind>(kind);
  read(r, c.deployment);
  read(r, c.token);
  read(r, c.request);
  c.tokens = readTokens(r);
  MPC_TRY(r.finish());
  return c;
}

std::vector<uint8_t> Reply::encode() const {
  core::Writer w;
  w.u8(static_cast<uint8_t>(code));
  w.string(std::string_view(text).substr(0, kMaxText));
  write(w, tokens);
  return w.take();
}

Result<Reply> Reply::decode(std::span<const uint8_t> bytes) {
  core::Reader r(bytes);
  Reply a;
  const uint8_t code = r.u8();
  if (code < 1 || code > static_cast<uint8_t>(Code::Refused))
    r.fail("unknown answer");
  a.code = static_cast<Code>(code);
  a.text = r.string(kMaxText);
  for (char &c : a.text)
    if (static_cast<unsigned char>(c) < 0x20 ||
        static_cast<unsigned char>(c) > 0x7e)
      c = '?';
  a.tokens = readTokens(r);
  MPC_TRY(r.finish());
  return a;
}

} // namespace mpc::service
