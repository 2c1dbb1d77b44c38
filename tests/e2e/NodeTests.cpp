//===- tests/e2e/NodeTests.cpp - ONNX's node tests on secret data ---------===//
//
//   e2e-node-tests ROOT [--parties] [--weights] [--every N] [--match TEXT]
//                  [--jobs N] [--known FILE] [--expect N] [--verbose]
// Runs every case below ROOT, each in a process of its own (a crash or a hang
// is that case's failure), and prints one JSON object a line. With --known, a
// list of "<operator or case>: reason" lines, a case that is neither a pass nor
// listed is a failure and the exit code is 1. node_tests.py makes the table of
// docs/onnx-coverage.md from the output.
//
//===----------------------------------------------------------------------===//
#include "NodeCase.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace mpc::e2e;
using nlohmann::json;

namespace {

constexpr unsigned kSeconds = 60; ///< a case may take

struct Arguments {
  fs::path root, known;
  CaseOptions options;
  size_t every = 1, jobs = 1, expect = 0;
  std::string match;
};

json toJson(const CaseResult &r, double seconds) {
  return {{"name", r.name},
          {"op", r.op},
          {"domain", r.domain},
          {"opset", r.opset},
          {"outcome", name(r.outcome)},
          {"why", r.why},
          {"secret", r.secret},
          {"weight", r.weight},
          {"bound", r.bound},
          {"rounds", r.rounds},
          {"tolerance", r.tolerance},
          {"error", r.error},
          {"seconds", seconds}};
}

struct Child {
  pid_t pid = -1;
  int fd = -1;
  std::string name;
};

Child start(const fs::path &dir, const CaseOptions &options) {
  int ends[2];
  if (pipe(ends) != 0)
    return {};
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    alarm(kSeconds);
    const auto t0 = std::chrono::steady_clock::now();
    const CaseResult r = runCase(dir, options);
    const std::chrono::duration<double> t =
        std::chrono::steady_clock::now() - t0;
    const std::string line =
        toJson(r, t.count())
            .dump(-1, ' ', false, json::error_handler_t::replace);
    size_t done = 0;
    while (done < line.size()) {
      const ssize_t n = write(ends[1], line.data() + done, line.size() - done);
      if (n <= 0)
        break;
      done += static_cast<size_t>(n);
    }
    _exit(0);
  }
  close(ends[1]);
  return {pid, ends[0], dir.filename()};
}

json finish(const Child &c) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(c.fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  close(c.fd);
  int status = 0;
  waitpid(c.pid, &status, 0);
  json j = json::parse(text, nullptr, false);
  if (!j.is_discarded() && j.is_object())
    return j;
  CaseResult r;
  r.name = c.name;
  r.outcome = Outcome::Wrong;
  r.why = WIFSIGNALED(status)
              ? std::string("ended by signal ") + strsignal(WTERMSIG(status))
              : "ended without a result";
  return toJson(r, 0);
}

/// "Operator: reason" and "case: reason" lines; '#' starts a comment.
std::map<std::string, std::string> readKnown(const fs::path &path) {
  std::map<std::string, std::string> known;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(": ");
    if (!line.empty() && line[0] != '#' && colon != std::string::npos)
      known[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return known;
}

bool parse(int argc, char **argv, Arguments &a) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (arg == "--parties")
      a.options.mode = Mode::ThreeParties;
    else if (arg == "--weights")
      a.options.weights = true;
    else if (arg == "--every")
      a.every = std::strtoul(value(), nullptr, 10);
    else if (arg == "--jobs")
      a.jobs = std::strtoul(value(), nullptr, 10);
    else if (arg == "--expect")
      a.expect = std::strtoul(value(), nullptr, 10);
    else if (arg == "--match")
      a.match = value();
    else if (arg == "--known")
      a.known = value();
    else if (a.root.empty() && arg[0] != '-')
      a.root = arg;
    else
      return false;
  }
  return !a.root.empty() && a.every > 0 && a.jobs > 0;
}

} // namespace

int main(int argc, char **argv) {
  Arguments a;
  if (!parse(argc, argv, a)) {
    std::cerr << "usage: e2e-node-tests ROOT [--parties] [--weights] "
                 "[--every N] [--match TEXT] [--jobs N] [--known FILE] "
                 "[--expect N]\n";
    return 2;
  }
  if (!fs::is_directory(a.root)) {
    std::cout << "skipped: no node tests at " << a.root << "\n";
    return 77;
  }
  std::vector<fs::path> cases;
  for (const auto &entry : fs::directory_iterator(a.root))
    if (fs::exists(entry.path() / "model.onnx") &&
        entry.path().filename().string().find(a.match) != std::string::npos)
      cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  const auto known = readKnown(a.known);

  std::map<std::string, size_t> counts;
  size_t counted = 0, failed = 0;
  auto take = [&](json j) {
    const std::string id = j["name"], op = j["op"];
    std::string outcome = j["outcome"];
    for (const std::string &key : {id, op})
      if (outcome != "pass" && outcome != "folded" && known.count(key)) {
        j["reason"] = known.at(key);
        outcome = j["outcome"] = "by-design";
        break;
      }
    const bool expanded = id.find("_expanded") != std::string::npos;
    counts[outcome + (expanded ? " (expanded)" : "")]++;
    counted += outcome == "pass" && !expanded;
    // Twins of unsupported operators are made of other unsupported ones.
    failed += outcome == "wrong" ||
              (outcome != "pass" && !expanded &&
               (outcome == "rejected" || outcome == "float-needed"));
    std::cout << j.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
  };
  std::vector<Child> running;
  size_t next = 0;
  for (size_t i = 0; i < cases.size(); i += a.every) {
    running.push_back(start(cases[i], a.options));
    if (running.size() - next >= a.jobs)
      take(finish(running[next++]));
  }
  while (next < running.size())
    take(finish(running[next++]));
  for (const auto &[outcome, n] : counts)
    std::cerr << n << " " << outcome << "\n";
  std::cerr << counted << " counted passes\n";
  if (a.known.empty())
    return 0;
  return failed == 0 && counted >= a.expect ? 0 : 1;
}
