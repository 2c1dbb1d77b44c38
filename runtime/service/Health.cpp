//===- runtime/service/Health.cpp -----------------------------------------===//
#include "runtime/service/Health.h"

#include <array>
#include <fmt/format.h>

namespace mpc::service {

using namespace std::chrono_literals;

namespace {

constexpr size_t kMaxRequest = 8192;

std::string page(int status, std::string_view reason, std::string_view body,
                 std::string_view type = "text/plain; charset=utf-8") {
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n"
                     "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                     status, reason, type, body.size(), body);
}

} // namespace

std::string httpAnswer(std::string_view request, const HealthPages &pages) {
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos ||
      !line.substr(second + 1).starts_with("HTTP/1."))
    return page(400, "Bad Request", "this is no HTTP/1 request\n");
  if (line.substr(0, first) != "GET")
    return page(405, "Method Not Allowed", "GET only\n");
  std::string_view path = line.substr(first + 1, second - first - 1);
  path = path.substr(0, path.find('?'));
  if (path == "/healthz")
    return page(200, "OK", "ok\n");
  if (path == "/readyz") {
    const std::string why = pages.awaits();
    return why.empty() ? page(200, "OK", "ready\n")
                       : page(503, "Service Unavailable",
                              fmt::format("waits: {}\n", why));
  }
  if (path == "/metrics")
    return page(200, "OK", pages.metrics(),
                "text/plain; version=0.0.4; charset=utf-8");
  return page(404, "Not Found", "/healthz, /readyz, /metrics\n");
}

Health::Health(tcp::Listener listener, HealthPages pages)
    : pages_(std::move(pages)),
      door_(std::move(listener), 16,
            [this](tcp::Fd fd) { serve(std::move(fd)); }) {}

void Health::serve(tcp::Fd fd) {
  auto link = tcp::fromFd(fd.release());
  if (!link)
    return;
  const auto deadline = std::chrono::steady_clock::now() + 2s;
  const auto left = [&] {
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(
                        deadline - std::chrono::steady_clock::now()),
                    0ms);
  };
  std::string request(kMaxRequest, '\0');
  size_t have = 0;
  while (have < request.size()) {
    const std::span<uint8_t> in(reinterpret_cast<uint8_t *>(request.data()) +
                                    have,
                                request.size() - have);
    const net::Moved m = (*link)->move({}, std::span(&in, 1), left());
    have += m.received;
    if (std::string_view(request).substr(0, have).find("\r\n\r\n") !=
        std::string_view::npos)
      break;
    if (m.outcome != net::Moved::Outcome::Progress)
      return;
  }
  const std::string answer =
      httpAnswer(std::string_view(request).substr(0, have), pages_);
  std::span<const uint8_t> out(reinterpret_cast<const uint8_t *>(answer.data()),
                               answer.size());
  while (!out.empty()) {
    const net::Moved m = (*link)->move(std::span(&out, 1), {}, left());
    if (m.outcome != net::Moved::Outcome::Progress)
      return;
    out = out.subspan(m.sent);
  }
}

} // namespace mpc::service
