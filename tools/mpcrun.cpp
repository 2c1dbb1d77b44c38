//===- tools/mpcrun.cpp - executes plans among three parties --------------===//
#include "tools/Main.h"
#include "tools/RunCommands.h"
#include "tools/RunWire.h"

#include <string_view>
#include <vector>

namespace {

using namespace mpc;

int run(int argc, char **argv) {
  CLI::App app{"Executes plans of mpcc among three parties.", "mpcrun"};
  app.set_version_flag("--version", "mpcrun " MPCC_VERSION);
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App *, tools::RunCommand>> commands;
  for (auto add : {tools::addLocal, tools::addKeygen, tools::addParty,
                   tools::addPreprocess, tools::addQuery, tools::addDoctor}) {
    tools::RunCommand run = add(app);
    commands.emplace_back(app.get_subcommands({}).back(), std::move(run));
  }
  app.footer(commands.front().first->get_footer());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  for (auto &[command, run] : commands)
    if (command->parsed())
      return run();
  return 2; // one is required
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::string_view(argv[1]) == tools::kChildMode)
    return tools::runChild();
  return tools::guardedMain("mpcrun", [&] { return run(argc, argv); });
}
