// CPU at rest: a server whose connections do nothing uses none, whatever state they are in.
//
// The test prints a row per model with the CPU of the server, its threads and its processes, in
// percent of one core. All rows, as a table:
//   build/tests/conformance_tests --gtest_filter='*UsesNoCpuAtRest*' | grep '^|' |
//     awk '!seen[$0]++'
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/conformance/every_model.hpp"
#include "tests/conformance/rest_states.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Instrumented code is checked for loops that spin, over a shorter time.
#if defined(TESTBED_SANITIZES_THREAD) || defined(TESTBED_SANITIZES_ADDRESS)
constexpr std::chrono::milliseconds window = 2s;
#else
constexpr std::chrono::milliseconds window = 5s;
#endif
/// In percent of one core, over the window.
constexpr double most_at_rest = 1;

// Bug: one peer that sent until it blocked and never read cost nested-epoll, reactor-per-core and
// hand-off a whole core.
TEST_P(EveryModel, UsesNoCpuAtRest) {
  StatesOfRest states{*GetParam(), payload_};
  if (states.spins()) GTEST_SKIP() << "it uses a whole core in every state: it never waits";
  states.begin();
  ASSERT_FALSE(HasFailure()) << "not all states were brought about";
  const auto& columns = states.columns();
  std::vector<double> percent(columns.size(), 0);
  // Twice at most: the first time a server may still be busy with what led to its state. One that
  // spins uses a core in both.
  for (int sample = 0; sample < 2; ++sample) {
    std::vector<std::chrono::nanoseconds> before;
    const auto began = Clock::now();
    for (const auto& [name, state] : columns) before.push_back(state ? state->cpu() : 0ns);
    ::poll(nullptr, 0, static_cast<int>(window.count()));
    const std::chrono::duration<double> elapsed = Clock::now() - began;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!columns[i].state) continue;
      const std::chrono::duration<double> used = columns[i].state->cpu() - before[i];
      percent[i] = 100 * used / elapsed;
    }
    if (*std::max_element(percent.begin(), percent.end()) <= most_at_rest) break;
  }
  std::string header = "| model |";
  std::string rule = "|---|";
  std::string row = fmt::format("| {} |", GetParam()->name);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& [name, state] = columns[i];
    header += fmt::format(" {} |", name);
    rule += "---:|";
    row += state ? fmt::format(" {:.2f} |", percent[i]) : std::string{" - |"};
    if (!state) continue;
    EXPECT_FALSE(state->server().ends_within(0ms)) << "in state \"" << name << "\"";
    EXPECT_LE(percent[i], most_at_rest) << "percent of a core in state \"" << name << "\"";
  }
  std::printf("%s\n%s\n%s\n", header.c_str(), rule.c_str(), row.c_str());
}

}  // namespace
}  // namespace conformance
