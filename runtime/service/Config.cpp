//===- runtime/service/Config.cpp - strict reading of parties.toml --------===//
#include "runtime/service/Config.h"

#include "runtime/core/Ascii.h"
#include "runtime/core/File.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <set>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// toml++ 3.3 asserts of its input what it checks, and reports, right after.
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

namespace mpc::service {
namespace {

/// Reads one table; the first complaint is kept, with file, line and place.
class TableReader {
public:
  TableReader(const toml::table &table, std::string path, std::string place)
      : table_(table), path_(std::move(path)), place_(std::move(place)) {}

  void fail(const toml::node &node, std::string_view what) {
    if (status_)
      status_ = Error{fmt::format("{}:{}: {}{}", path_,
                                  node.source().begin.line, prefix(), what)};
  }
  const toml::node *get(std::string_view key) {
    known_.insert(std::string(key));
    return table_.get(key);
  }
  std::optional<std::string> text(std::string_view key) {
    const toml::node *n = get(key);
    if (!n)
      return std::nullopt;
    if (const auto v = n->value_exact<std::string>(); v && !v->empty())
      return *v;
    fail(*n, fmt::format("'{}' is no text", key));
    return std::nullopt;
  }
  std::optional<int64_t> integer(std::string_view key, int64_t lo, int64_t hi) {
    const toml::node *n = get(key);
    if (!n)
      return std::nullopt;
    const auto v = n->value_exact<int64_t>();
    if (v && lo <= *v && *v <= hi)
      return *v;
    fail(*n, fmt::format("'{}' is no whole number from {} to {}", key, lo, hi));
    return std::nullopt;
  }
  void missing(std::string_view key) {
    fail(table_, fmt::format("'{}' is missing", key));
  }
  void place(std::string text) { place_ = std::move(text); }
  /// The first failure, else an unknown key.
  Status finish() {
    for (const auto &[key, node] : table_)
      if (!known_.count(std::string(key.str())))
        fail(node, fmt::format("unknown key '{}'", key.str()));
    return status_;
  }
  const toml::table &table() const { return table_; }

private:
  std::string prefix() const { return place_.empty() ? "" : place_ + ": "; }

  const toml::table &table_;
  std::string path_, place_;
  std::set<std::string> known_;
  Status status_;
};

/// fingerprint or tls_name, one of them.
void readPeer(TableReader &r, tls::Peer &peer) {
  const auto fingerprint = r.text("fingerprint");
  const auto name = r.text("tls_name");
  if (fingerprint) {
    auto parsed = tls::parseFingerprint(*fingerprint);
    if (!parsed)
      return r.fail(*r.get("fingerprint"),
                    "fingerprint: " + parsed.error().message);
    peer.fingerprint = *parsed;
  }
  if (name)
    peer.name = *name;
  if (fingerprint && name)
    r.fail(*r.get("tls_name"), "give 'fingerprint' or 'tls_name', not both");
}

Status readParty(TableReader &r, Config &config, std::set<int64_t> &ids) {
  const auto id = r.integer("id", 0, 2);
  const auto address = r.text("address");
  if (!id) {
    r.missing("id");
    return r.finish();
  }
  r.place(fmt::format("party {}", *id));
  if (!ids.insert(*id).second)
    r.fail(*r.get("id"), "is listed twice");
  PartyEntry &p = config.parties[static_cast<size_t>(*id)];
  p.peer.label = fmt::format("party {}", *id);
  if (!address) {
    r.missing("address");
    return r.finish();
  }
  auto parsed = parseAddress(*address);
  if (!parsed)
    r.fail(*r.get("address"), parsed.error().message);
  else
    p.address = *parsed;
  readPeer(r, p.peer);
  return r.finish();
}

Status readClient(TableReader &r, Config &config) {
  const auto name = r.text("name");
  if (!name) {
    r.missing("name");
    return r.finish();
  }
  tls::Peer peer;
  peer.label = fmt::format("client '{}'", *name);
  r.place(peer.label);
  for (char c : *name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' &&
        c != '.') {
      r.fail(*r.get("name"), "a name has letters, digits, '-', '_' and '.'");
      break;
    }
  for (const tls::Peer &other : config.clients)
    if (other.label == peer.label)
      r.fail(*r.get("name"), "is listed twice");
  readPeer(r, peer);
  config.clients.push_back(std::move(peer));
  return r.finish();
}

Status readLimits(TableReader &r, Limits &l) {
  const auto set = [&](const char *key, auto &field, int64_t lo, int64_t hi) {
    if (const auto v = r.integer(key, lo, hi))
      field = static_cast<std::remove_reference_t<decltype(field)>>(*v);
  };
  set("waiting_requests", l.waitingRequests, 1, 100'000);
  set("waiting_per_client", l.waitingPerClient, 1, 100'000);
  set("requests_per_minute", l.requestsPerMinute, 1, 1'000'000);
  set("connections", l.connections, 8, 100'000);
  set("stock", l.stock, 0, 10'000);
  set("material_bytes", l.materialBytes, 0, int64_t{1} << 60);
  set("peer_timeout_s", l.peerTimeout, 1, 86'400);
  set("request_timeout_s", l.requestTimeout, 1, 86'400);
  set("drain_s", l.drain, 0, 86'400);
  return r.finish();
}

/// The tables of an array of tables; an error if it is something else.
Result<std::vector<const toml::table *>> tables(TableReader &root,
                                                std::string_view key) {
  std::vector<const toml::table *> out;
  const toml::node *n = root.get(key);
  if (!n)
    return out;
  const toml::array *a = n->as_array();
  if (!a || !a->is_array_of_tables()) {
    root.fail(*n, fmt::format("'{}' is no list of [[{}]] tables", key, key));
    return root.finish().error();
  }
  for (const toml::node &e : *a)
    out.push_back(e.as_table());
  return out;
}

Result<const toml::table *> oneTable(TableReader &root, std::string_view key) {
  const toml::node *n = root.get(key);
  if (!n || n->is_table())
    return n ? n->as_table() : nullptr;
  root.fail(*n, fmt::format("'{}' is no [{}] table", key, key));
  return root.finish().error();
}

/// Who is who must be clear: no two entries share a certificate or a name.
Status checkDistinct(const Config &c, const std::string &path) {
  const tls::Trust trust = c.trust();
  for (size_t i = 0; i < trust.peers.size(); ++i) {
    const tls::Peer &a = trust.peers[i];
    if (!a.fingerprint && !a.name.empty() && c.caFile.empty())
      return Error{fmt::format("{}: {}: 'tls_name' needs a 'ca' in [tls]", path,
                               a.label)};
    for (size_t j = 0; j < i; ++j) {
      const tls::Peer &b = trust.peers[j];
      if ((a.fingerprint && a.fingerprint == b.fingerprint) ||
          (!a.name.empty() && a.name == b.name))
        return Error{fmt::format("{}: {} and {} have the same certificate",
                                 path, b.label, a.label)};
    }
  }
  return {};
}

} // namespace

std::string Address::text() const {
  return host.find(':') == std::string::npos
             ? fmt::format("{}:{}", host, port)
             : fmt::format("[{}]:{}", host, port);
}

Result<Address> parseAddress(std::string_view text) {
  const auto bad = [&] {
    return Error{fmt::format("'{}' is no address: expected host:port", text)};
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return bad();
  Address a{std::string(host), 0};
  const auto [end, err] =
      std::from_chars(port.data(), port.data() + port.size(), a.port);
  if (host.empty() || err != std::errc() || end != port.data() + port.size())
    return bad();
  return a;
}

Result<Config> Config::load(const std::string &path) {
  constexpr uint64_t kMaxBytes = 1 << 20;
  auto bytes = core::readRegularFile(path, kMaxBytes);
  if (!bytes)
    return bytes.error();
  return parse({reinterpret_cast<const char *>(bytes->data()), bytes->size()},
               path);
}

Result<Config> Config::parse(std::string_view text, const std::string &path) {
  if (const size_t line = core::lineBeyondAscii(text))
    return Error{fmt::format("{}:{}: only comments may have letters beyond "
                             "ASCII",
                             path, line)};
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed)
    return Error{fmt::format("{}:{}: {}", path,
                             parsed.error().source().begin.line,
                             parsed.error().description())};
  Config config;
  TableReader root(parsed.table(), path, "");
  auto parties = tables(root, "party");
  if (!parties)
    return parties.error();
  std::set<int64_t> ids;
  for (const toml::table *t : *parties) {
    TableReader r(*t, path, "[[party]]");
    MPC_TRY(readParty(r, config, ids));
  }
  for (int64_t id = 0; id < 3; ++id)
    if (!ids.count(id))
      return Error{fmt::format("{}: party {} is missing", path, id)};
  auto clients = tables(root, "client");
  if (!clients)
    return clients.error();
  for (const toml::table *t : *clients) {
    TableReader r(*t, path, "[[client]]");
    MPC_TRY(readClient(r, config));
  }
  auto tlsTable = oneTable(root, "tls");
  if (!tlsTable)
    return tlsTable.error();
  if (*tlsTable) {
    TableReader r(**tlsTable, path, "[tls]");
    if (const auto ca = r.text("ca"))
      config.caFile =
          (std::filesystem::path(path).parent_path() / *ca).string();
    MPC_TRY(r.finish());
  }
  auto limits = oneTable(root, "limits");
  if (!limits)
    return limits.error();
  if (*limits) {
    TableReader r(**limits, path, "[limits]");
    MPC_TRY(readLimits(r, config.limits));
  }
  MPC_TRY(root.finish());
  MPC_TRY(checkDistinct(config, path));
  return config;
}

tls::Trust Config::trust() const {
  tls::Trust t;
  for (const PartyEntry &p : parties)
    t.peers.push_back(p.peer);
  for (const tls::Peer &c : clients)
    t.peers.push_back(c);
  t.caFile = caFile;
  return t;
}

} // namespace mpc::service
