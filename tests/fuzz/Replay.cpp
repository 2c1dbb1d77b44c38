//===- tests/fuzz/Replay.cpp - a fuzz target without libFuzzer ------------===//
//
//   replay-X [--runs N] FILE or FOLDER...
//
// Runs the target on every file, and then N times on a file with some bytes
// changed, always the same ones: what any compiler's build can check in
// seconds. Looking for new inputs is libFuzzer's work.
//
//===----------------------------------------------------------------------===//
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/// Of some targets.
extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *data,
                                                                size_t size,
                                                                size_t maxSize,
                                                                unsigned seed);

namespace {

std::mt19937_64 rng(1);

size_t below(size_t n) { return rng() % n; }

using Bytes = std::vector<uint8_t>;

Bytes read(const std::filesystem::path &path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

} // namespace

/// Room for maxSize bytes: the same number of them, some changed, or fewer.
extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize) {
  if (size == 0) {
    data[0] = static_cast<uint8_t>(rng());
    return std::min<size_t>(1, maxSize);
  }
  if (below(8) == 0)
    return 1 + below(size);
  for (size_t n = 1 + below(4); n > 0; --n) {
    uint8_t &byte = data[below(size)];
    static constexpr uint8_t kEdges[] = {0, 1, 0x7f, 0x80, 0xff};
    byte = below(2) ? static_cast<uint8_t>(byte ^ 1u << below(8))
                    : kEdges[below(std::size(kEdges))];
  }
  return size;
}

int main(int argc, char **argv) {
  std::vector<Bytes> inputs;
  size_t runs = 0;
  const auto add = [&](const std::filesystem::path &p) {
    inputs.push_back(read(p));
  };
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--runs" && i + 1 < argc) {
      runs = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::filesystem::is_directory(argv[i])) {
      std::vector<std::filesystem::path> files;
      for (const auto &e : std::filesystem::directory_iterator(argv[i]))
        files.push_back(e.path());
      std::sort(files.begin(), files.end());
      std::for_each(files.begin(), files.end(), add);
    } else {
      add(argv[i]);
    }
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "%s: error: no inputs\n", argv[0]);
    return 1;
  }
  // In a block of its own and of its own size: what reads beyond it may crash.
  const auto run = [](const Bytes &input) {
    const Bytes own(input.begin(), input.end());
    (void)LLVMFuzzerTestOneInput(own.data(), own.size());
  };
  for (const Bytes &input : inputs)
    run(input);
  for (size_t i = 0; i < runs; ++i) {
    Bytes input = inputs[below(inputs.size())];
    const size_t size = input.size();
    input.resize(size + 64);
    const auto mutate = [&](size_t n) {
      return LLVMFuzzerCustomMutator
                 ? LLVMFuzzerCustomMutator(input.data(), n, input.size(),
                                           static_cast<unsigned>(rng()))
                 : LLVMFuzzerMutate(input.data(), n, input.size());
    };
    size_t n = size;
    for (size_t times = 1 + below(3); times > 0; --times)
      n = mutate(n);
    input.resize(n);
    run(input);
  }
  std::printf("%zu inputs, %zu changed ones\n", inputs.size(), runs);
  return 0;
}
