//===- runtime/service/LeadWire.h - what P1 tells P2 ----------------------===//
//
// P1 leads: on a link of their own it names what both prepare or serve next. A
// command and its answer are one message each; what follows an accepted one is
// the session's.
//
//   Inventory  the tokens P1 holds material of; P2 drops what is not among
//              them and answers with those it lacks
//   Prepare    token: both call P0 and store a session's material
//   Serve      token, request: both serve that client from that material; where
//              the plan has public inputs, they prepare it first, for that
//              client's
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/Network.h"

namespace mpc::service {

struct Command {
  enum class Kind : uint8_t { Inventory = 1, Prepare, Serve };
  Kind kind = Kind::Inventory;
  core::Digest deployment = {};
  Token token = {}, request = {};
  std::vector<Token> tokens; ///< of Inventory

  std::vector<uint8_t> encode() const;
  static Result<Command> decode(std::span<const uint8_t> bytes);
};

struct Reply {
  enum class Code : uint8_t { Ok = 1, NoMaterial, NoRequest, Refused };
  Code code = Code::Ok;
  std::string text;          ///< why not, for people
  std::vector<Token> tokens; ///< to Inventory: what P2 lacks

  std::vector<uint8_t> encode() const;
  static Result<Reply> decode(std::span<const uint8_t> bytes);
};

inline constexpr size_t kMaxTokens = 10'000;
inline constexpr size_t kMaxLeadBytes = kMaxTokens * sizeof(Token) + 4096;

/// Names a session in the header of its frames.
uint64_t sessionTag(const Token &token);

} // namespace mpc::service
