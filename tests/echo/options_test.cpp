// Options with units: what they accept, and that each refusal is one line with what is allowed.
#include "echo/options.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "limits/quantity.hpp"

namespace echo {
namespace {

using namespace std::chrono_literals;

/// One option of each kind, as the programs declare them.
struct Declared {
  CLI::App app;
  std::uint64_t count = 10'000;
  std::optional<std::uint64_t> most;
  std::uint64_t size = 64;
  std::chrono::nanoseconds timeout = 5s;
  std::chrono::nanoseconds pause = 0s;
  std::optional<std::chrono::nanoseconds> deadline;

  Declared() {
    add_count(app, "-n,--connections", count, "sockets", {1, 1'000'000});
    add_count(app, "--max", most, "most", {1});
    add_size(app, "-s,--size", size, "bytes", {1, 1U << 20U});
    add_duration(app, "--timeout", timeout, "patience");
    add_duration(app, "--pause", pause, "pause", true);
    add_duration(app, "--deadline", deadline, "whole run");
  }
  /// Empty on success, else the line that the user would see.
  std::string parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // CLI11 takes a vector from its back
    try {
      app.parse(words);
      return "";
    } catch (const CLI::ParseError& error) {
      return one_line(error);
    }
  }
};

TEST(Options, TakeDecimalCountsBinarySizesAndDurationsWithUnits) {
  Declared declared;
  ASSERT_EQ(declared.parse({"-n", "10k", "--max=1M", "-s", "64K", "--timeout", "250ms", "--pause",
                            "0", "--deadline=2m"}),
            "");
  EXPECT_EQ(declared.count, 10'000U);
  EXPECT_EQ(declared.most, 1'000'000U);
  EXPECT_EQ(declared.size, 65'536U);
  EXPECT_EQ(declared.timeout, 250ms);
  EXPECT_EQ(declared.pause, 0s);
  EXPECT_EQ(declared.deadline, 2min);
}

TEST(Options, KeepTheirDefaultsWhenNotGiven) {
  Declared declared;
  ASSERT_EQ(declared.parse({}), "");
  EXPECT_EQ(declared.count, 10'000U);
  EXPECT_FALSE(declared.most);
  EXPECT_EQ(declared.size, 64U);
  EXPECT_EQ(declared.timeout, 5s);
  EXPECT_FALSE(declared.deadline);
}

TEST(Options, RefuseInOneLineThatNamesTheOptionAndStatesWhatIsAllowed) {
  struct Case {
    std::vector<std::string> words;
    std::string named, allowed;
  };
  const Case cases[] = {
      {{"-n", "-1"}, "--connections", "a count: digits"},
      {{"-n", "9E"}, "--connections", "a count: digits"},
      {{"-n", ""}, "--connections", "a count: digits"},
      {{"-n", "0"}, "--connections", "from 1 to 1000000"},
      {{"-n", "2M"}, "--connections", "from 1 to 1000000"},
      {{"-n", "1\n2"}, "--connections", "a count: digits"},
      {{"--max", "0"}, "--max", "at least 1"},
      {{"--size", "0"}, "--size", "from 1 to 1048576"},
      {{"--size", "64KB"}, "--size", "a size in bytes"},
      {{"--timeout", "0"}, "--timeout", "above 0"},
      {{"--timeout", "5 parsecs"}, "--timeout", "a duration: digits"},
      {{"--deadline", "0ms"}, "--deadline", "above 0"},
      {{"--timeout"}, "--timeout", "required"},
      {{"--no-such\nthing"}, "--no-such", "not expected"},
  };
  for (const Case& each : cases) {
    const std::string line = Declared().parse(each.words);
    EXPECT_NE(line.find(each.named), std::string::npos) << line;
    EXPECT_NE(line.find(each.allowed), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

TEST(Options, ShowDefaultsThatCouldBeTypedBackIn) {
  struct Case {
    std::uint64_t size;
    std::chrono::nanoseconds duration;
  };
  for (const Case& each : {Case{1024, 5s}, Case{1500, 250ms}, Case{1U << 20U, 90s}, Case{1, 1500us},
                           Case{65'537, 1ns}, Case{0, 0s}, Case{3ULL << 30U, 2h}}) {
    CLI::App app;
    std::uint64_t size = each.size;
    std::chrono::nanoseconds duration = each.duration;
    const std::string size_text = add_size(app, "--size", size, "")->get_default_str();
    const std::string time_text =
        add_duration(app, "--time", duration, "", true)->get_default_str();
    EXPECT_EQ(limits::parse_size(size_text), each.size) << size_text;
    EXPECT_EQ(limits::parse_duration(time_text), each.duration) << time_text;
  }
}

}  // namespace
}  // namespace echo
