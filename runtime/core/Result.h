//===- runtime/core/Result.h - a value or an error that names its place ---===//
//
// The runtime's error type: no exceptions, no error codes. An Error is one
// sentence for the user that names the place (file, byte, round, ONNX node).
//
//   Result<Plan> p = Plan::load(path);
//   if (!p) return p.error();          // an Error converts to any Result
//   use(*p);
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mpc {

/// What went wrong, in one sentence, for the user.
struct [[nodiscard]] Error {
  std::string message;
};

/// A T or an Error.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Result(Error e) : v_(std::in_place_index<1>, std::move(e)) {}

  explicit operator bool() const { return v_.index() == 0; }
  T &operator*() & { return get(); }
  const T &operator*() const & { return get(); }
  T &&operator*() && { return std::move(get()); }
  T *operator->() { return &get(); }
  const T *operator->() const { return &get(); }
  const Error &error() const {
    assert(v_.index() == 1);
    return std::get<1>(v_);
  }

private:
  T &get() {
    assert(v_.index() == 0);
    return std::get<0>(v_);
  }
  const T &get() const {
    assert(v_.index() == 0);
    return std::get<0>(v_);
  }
  std::variant<T, Error> v_;
};

/// Success or an Error.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error e) : e_(std::move(e)) {}
  explicit operator bool() const { return !e_; }
  const Error &error() const { return *e_; }

private:
  std::optional<Error> e_;
};
using Status = Result<void>;

} // namespace mpc

/// Returns from the enclosing function if EXPR (a Status) failed.
#define MPC_TRY(EXPR)                                                          \
  do {                                                                         \
    if (auto mpcStatus_ = (EXPR); !mpcStatus_)                                 \
      return mpcStatus_.error();                                               \
  } while (0)
