//===- runtime/tls/TlsLink.h - a net::Link over TLS records ---------------===//
//
// For this folder's .cpp files only; others get links from Context.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Link.h"
#include "runtime/tcp/SocketLink.h"
#include "runtime/tls/OpenSsl.h"

#include <chrono>

namespace mpc::tls {

/// A connection before, during and after its handshake.
struct Stream {
  tcp::Fd fd;
  SslPtr ssl;
  uint64_t sent = 0, received = 0; ///< bytes on the wire
};

/// Puts an SSL object onto a connected non-blocking socket.
Result<std::unique_ptr<Stream>> makeStream(SSL_CTX *context, tcp::Fd fd);

/// Shakes hands; `ssl` has been told whether it connects or accepts. The error
/// says what went wrong but not whose certificate was refused.
Status handshake(Stream &stream,
                 std::chrono::steady_clock::time_point deadline);

std::unique_ptr<net::Link> makeLink(std::unique_ptr<Stream> stream);

} // namespace mpc::tls
