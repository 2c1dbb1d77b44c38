//===- tools/ProfileFile.cpp ----------------------------------------------===//
#include "ProfileFile.h"

#include "Toml.h"
#include <filesystem>
#include <fmt/format.h>

namespace mpc::tools {
namespace {

using plan::LinkProfile;
using plan::MachineProfile;
using plan::Profile;

Status readLink(TomlReader &in, LinkProfile &link) {
  MPC_TRY(in.number("rtt_ms", link.rttSeconds, 1e-3, true));
  return in.number("bandwidth_mbit", link.bytesPerSecond, 1e6 / 8);
}

Status readLinks(TomlReader &root, Profile &p) {
  Result<std::optional<TomlReader>> links = root.table("links");
  if (!links)
    return links.error();
  if (!*links)
    return {};
  const std::pair<const char *, LinkProfile *> each[] = {
      {"p1_p2", &p.evaluators},
      {"p0_p1", &p.dealerToP1},
      {"p0_p2", &p.dealerToP2},
      {"client", &p.client}};
  for (const auto &[key, link] : each) {
    Result<std::optional<TomlReader>> in = (*links)->table(key);
    if (!in)
      return in.error();
    if (!*in)
      continue;
    MPC_TRY(readLink(**in, *link));
    MPC_TRY((*in)->done());
  }
  return (*links)->done();
}

Status readMachine(TomlReader &root, MachineProfile &m) {
  Result<std::optional<TomlReader>> in = root.table("machine");
  if (!in)
    return in.error();
  if (!*in)
    return {};
  TomlReader &t = **in;
  MPC_TRY(t.number("cores", m.cores));
  MPC_TRY(t.flag("shared", m.shared));
  MPC_TRY(t.number("round_us", m.round, 1e-6, true));
  MPC_TRY(t.number("startup_ms", m.startup, 1e-3, true));
#define WORK(name, key, unit, value, doc)                                      \
  MPC_TRY(t.number(key, m.name, unit, true));
#include "runtime/plan/Work.def"
  return t.done();
}

Result<Profile> readFile(const std::string &path) {
  Result<toml::table> table = parseTomlFile(path);
  if (!table)
    return table.error();
  TomlReader root(*table, path);
  std::string base = "loopback";
  MPC_TRY(root.text("base", base));
  std::optional<Profile> p = Profile::named(base);
  if (!p)
    return root.error("base", fmt::format("is '{}'; loopback, lan or wan is "
                                          "expected",
                                          base));
  p->name = std::filesystem::path(path).stem().string();
  MPC_TRY(root.text("name", p->name));
  LinkProfile all = p->evaluators;
  MPC_TRY(readLink(root, all));
  p->evaluators = p->dealerToP1 = p->dealerToP2 = p->client = all;
  MPC_TRY(readLinks(root, *p));
  MPC_TRY(readMachine(root, p->machine));
  MPC_TRY(root.done());
  return *p;
}

} // namespace

Result<Profile> readProfile(const std::string &nameOrFile) {
  if (std::optional<Profile> p = Profile::named(nameOrFile))
    return *p;
  std::error_code ec;
  if (!std::filesystem::exists(nameOrFile, ec))
    return Error{fmt::format("--network '{}': error: no such file, and no "
                             "profile of that name; there are loopback, lan "
                             "and wan",
                             nameOrFile)};
  return readFile(nameOrFile);
}

} // namespace mpc::tools
