// The client's command line as a whole: accepted options, contradictions, and the deadline derived
// from a plan.
#include "client/options/command_line.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "echo/exit_code.hpp"

namespace client {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Words = std::vector<std::string>;

Options parsed(Words words) {
  CLI::App app;
  Options options;
  declare(app, options);
  words.insert(words.begin(), "client");
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  words = modernised(static_cast<int>(argv.size()), argv.data());
  std::reverse(words.begin(), words.end());
  app.parse(words);
  return options;
}

TEST(Options, ThatMayBeGivenSeveralTimesTakeOneValueEach) {
  const Options options = parsed({"--label", "a=b", "--allow-remote", "10.0.0.9/32", "--label",
                                  "c=d", "--header", "X: y", "10.0.0.9:1234"});
  EXPECT_EQ(options.target.host, "10.0.0.9");
  EXPECT_EQ(options.labels.size(), 2U);
  EXPECT_EQ(options.allow_remote, Words{"10.0.0.9/32"});
  EXPECT_EQ(options.headers, Words{"X: y"});
}

TEST(Options, OfTheAncestorKeepTheirMeaning) {
  const Options options = parsed({"-n=10k", "-host", "127.0.0.1:7", "-data=hello"});
  EXPECT_EQ(options.connections, 10'000U);
  EXPECT_EQ(options.target.host, "127.0.0.1");
  EXPECT_EQ(options.target.first_port, 7);
  EXPECT_EQ(options.target.last_port, 7);
  EXPECT_EQ(options.data, "hello");
}

TEST(Options, AreReadInTheirUnits) {
  const Options options =
      parsed({"[::1]:7", "-n", "1M", "-s", "64K", "-m", "3", "-R", "2.5", "-d", "250ms",
              "--timeout", "2", "--deadline", "1m", "--progress", "never"});
  EXPECT_EQ(options.target.host, "::1");
  EXPECT_EQ(options.mode, Mode::hold);
  EXPECT_EQ(options.connections, 1'000'000U);
  EXPECT_EQ(options.sizes.largest(), 65'536U);
  EXPECT_EQ(options.messages, 3U);
  EXPECT_DOUBLE_EQ(options.rate, 2.5);
  EXPECT_EQ(options.idle_time(), milliseconds{250});
  EXPECT_EQ(options.timeout, seconds{2});
  EXPECT_EQ(options.deadline, seconds{60});
  EXPECT_EQ(options.progress, ShowProgress::never);
}

TEST(Options, OfAnOpenLoopAreReadInTheirUnits) {
  const Options options = parsed({"h:7-9",
                                  "--mode",
                                  "stream",
                                  "-s",
                                  "64:7,1K:1",
                                  "--depth",
                                  "16",
                                  "-R",
                                  "10k",
                                  "--arrivals",
                                  "poisson",
                                  "--connect-rate",
                                  "500",
                                  "--warmup",
                                  "1s",
                                  "-t",
                                  "2",
                                  "--cpus",
                                  "0,2-3",
                                  "--seed",
                                  "7",
                                  "--repeat",
                                  "3",
                                  "--settle",
                                  "0",
                                  "--source",
                                  "127.0.0.9,127.1.0.0/16",
                                  "--start-at",
                                  "@5",
                                  "--slo",
                                  "p99<5ms",
                                  "--require-conc",
                                  "10",
                                  "--max-errors",
                                  "2",
                                  "--label",
                                  "a=1",
                                  "--label",
                                  "b=2",
                                  "--no-nodelay",
                                  "--keepalive",
                                  "--linger-reset",
                                  "--rcvbuf",
                                  "8K",
                                  "--sndbuf",
                                  "1M",
                                  "--receive-lateness",
                                  "never",
                                  "--interval",
                                  "50ms"});
  EXPECT_EQ(options.target.last_port, 9);
  EXPECT_EQ(options.mode, Mode::stream);
  EXPECT_EQ(options.sizes.largest(), 1'024U);
  EXPECT_EQ(options.depth, 16U);
  EXPECT_DOUBLE_EQ(options.rate, 10'000);
  EXPECT_TRUE(options.poisson);
  EXPECT_DOUBLE_EQ(options.connect_rate, 500);
  EXPECT_EQ(options.warm_up, seconds{1});
  EXPECT_EQ(options.threads, 2U);
  EXPECT_EQ(options.cpus, (std::vector{0U, 2U, 3U}));
  EXPECT_EQ(options.seed, 7U);
  EXPECT_EQ(options.repeat, 3U);
  EXPECT_EQ(options.settle, seconds{0});
  ASSERT_EQ(options.sources.size(), 2U);
  EXPECT_EQ(options.sources[0].count + options.sources[1].count, 65'537U);
  EXPECT_EQ(options.start_at->time_since_epoch(), seconds{5});
  EXPECT_EQ(options.slo->terms().size(), 1U);
  EXPECT_EQ(options.require_conc, 10U);
  EXPECT_EQ(options.max_errors, 2U);
  EXPECT_EQ(options.labels, (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));
  EXPECT_FALSE(options.sockets.nodelay);
  EXPECT_TRUE(options.sockets.keepalive);
  EXPECT_TRUE(options.linger_reset);
  EXPECT_EQ(options.sockets.buffers.receive, 8'192U);
  EXPECT_EQ(options.sockets.buffers.send, 1U << 20U);
  EXPECT_EQ(options.interval, milliseconds{50});
  EXPECT_FALSE(options.measures_receive_lateness());
}

TEST(Options, ReceiveLatenessIsMeasuredInAnOpenLoopUnlessASearchChoosesItsRate) {
  Options options;
  EXPECT_FALSE(options.measures_receive_lateness());
  options.receive_lateness = MeasureReceiveLateness::always;
  EXPECT_TRUE(options.measures_receive_lateness());
  options.receive_lateness = MeasureReceiveLateness::in_open_loop;
  options.rate = 1'000;
  EXPECT_TRUE(options.measures_receive_lateness());
  options.rate = 0;
  options.find_rate = Objective::parse("p99<5ms");
  EXPECT_FALSE(options.measures_receive_lateness());
}

TEST(Options, WithAWrongValueAreRefusedByName) {
  const std::pair<const char*, const char*> rows[] = {
      {"--mode", "burst"},    {"--arrivals", "regular"},
      {"--rate", "0"},        {"--connect-rate", "0"},
      {"--depth", "0"},       {"--depth", "1025"},
      {"--threads", "0"},     {"--threads", "1025"},
      {"--cpus", "a"},        {"--repeat", "0"},
      {"--source", "x"},      {"--source", "127.0.0.1,"},
      {"--start-at", "soon"}, {"--slo", "fast"},
      {"--label", "novalue"}, {"--size", "64:0"},
      {"--find-rate", "p99"}, {"--rcvbuf", "0"},
      {"--share", "4/4"},     {"--connections", "4294967295"}};
  for (const auto& [name, value] : rows) {
    try {
      parsed({name, value});
      ADD_FAILURE() << name << " " << value << " passed";
    } catch (const CLI::ParseError& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  }
}

TEST(Options, OfEachModeDetermineTheEndOfTheTraffic) {
  struct Row {
    Words typed;
    std::uint64_t messages;
    bool timed;
    nanoseconds traffic, idle;
  };
  const Row rows[] = {
      {{}, 1, false, seconds{10}, seconds{0}},
      {{"-m", "3"}, 3, false, seconds{10}, seconds{0}},
      {{"-d", "2s"}, 1, false, seconds{2}, seconds{2}},
      {{"--mode", "stream"}, 0, true, seconds{10}, seconds{0}},
      {{"--mode", "stream", "-d", "2s"}, 0, true, seconds{2}, seconds{0}},
      {{"--mode", "stream", "-m", "3"}, 3, false, seconds{10}, seconds{0}},
      {{"--mode", "stream", "-m", "3", "-d", "2s"}, 3, true, seconds{2}, seconds{0}},
      {{"--mode", "churn"}, 1, true, seconds{10}, seconds{0}},
      {{"--mode", "churn", "-m", "3", "-d", "2s"}, 3, true, seconds{2}, seconds{0}},
  };
  for (const Row& row : rows) {
    const Options options = parsed(row.typed);
    const std::string what = ::testing::PrintToString(row.typed);
    EXPECT_EQ(options.messages_each(), row.messages) << what;
    EXPECT_EQ(options.timed(), row.timed) << what;
    if (row.timed) {
      EXPECT_EQ(options.traffic_time(), row.traffic) << what;
    }
    EXPECT_EQ(options.idle_time(), row.idle) << what;
  }
}

TEST(Options, ThatContradictEachOtherAreRefusedByName) {
  struct Row {
    Words typed;
    const char* named;  ///< nullptr: no contradiction
  };
  const Row rows[] = {
      {{}, nullptr},
      {{"--mode", "churn", "-R", "10"}, "--rate"},
      {{"--mode", "churn", "--connect-rate", "10"}, nullptr},
      {{"--mode", "stream", "--arrivals", "poisson"}, "--arrivals poisson"},
      {{"--mode", "stream", "--arrivals", "poisson", "-R", "10"}, nullptr},
      {{"--mode", "stream", "--arrivals", "uniform"}, nullptr},
      {{"--warmup", "1s"}, "--warmup"},
      {{"--mode", "stream", "--warmup", "1s"}, nullptr},
      {{"--mode", "churn", "--warmup", "1s"}, nullptr},
      {{"--mode", "stream", "-d", "0"}, "--duration"},
      {{"--mode", "churn", "-d", "0"}, "--duration"},
      {{"-d", "0"}, nullptr},
      {{"--mode", "stream", "--half-close"}, "--half-close"},
      {{"--mode", "stream", "--half-close", "-m", "3"}, nullptr},
      {{"--half-close"}, nullptr},
      {{"--mode", "churn", "--half-close"}, nullptr},
      {{"--find-rate", "p99<5ms", "-R", "10"}, "--find-rate"},
      {{"--find-rate", "p99<5ms", "--mode", "churn"}, "--find-rate"},
      {{"--find-rate", "p99<5ms", "-m", "3"}, "--find-rate"},
      {{"--find-rate", "p99<5ms", "--repeat", "2"}, "--find-rate"},
      {{"--find-rate", "p99<5ms", "--calibrate"}, "--calibrate"},
      {{"--find-rate", "p99<5ms", "--receive-lateness", "always"}, "--receive-lateness always"},
      {{"--find-rate", "p99<5ms", "--receive-lateness", "never"}, nullptr},
      {{"--frames", "--share", "0/2", "--json", "a.json"}, nullptr},
      {{"--frames", "--share", "0/2", "--json", "-"}, "--json -"},
      {{"--frames", "--share", "0/2", "--series", "-"}, "--series -"},
      {{"--frames", "--share", "0/2", "--hgrm", "-"}, "--hgrm -"},
      {{"--frames", "--share", "0/1", "--calibrate"}, "--frames"},
      {{"--frames", "--share", "0/1", "--find-rate", "p99<5ms"}, "--frames"},
      {{"--interval", "9ms"}, "--interval"},
      {{"--interval", "10ms"}, nullptr},
  };
  for (const Row& row : rows) {
    const std::string what = ::testing::PrintToString(row.typed);
    try {
      check(parsed(row.typed));
      EXPECT_EQ(row.named, nullptr) << what << " passed";
    } catch (const echo::Exit& error) {
      EXPECT_EQ(error.code(), echo::exit_usage) << what;
      ASSERT_NE(row.named, nullptr) << what << ": " << error.what();
      EXPECT_NE(std::string(error.what()).find(row.named), std::string::npos) << error.what();
    }
  }
}

TEST(Options, TheDeadlineIsTheOneGivenOrDerivedFromThePlan) {
  Options options;
  options.deadline = seconds{3};
  EXPECT_EQ(options.effective_deadline(), seconds{3});
  options.deadline.reset();

  const auto usual = options.effective_deadline();
  EXPECT_GT(usual, options.connect_timeout + options.timeout) << "only a hang reaches it";
  EXPECT_LT(usual, seconds{120}) << "a hang of a small run ends soon";

  struct Row {
    const char* what;
    Words typed;
    nanoseconds more;  ///< than the usual one, at least
  };
  const Row rows[] = {
      {"two idle hours", {"-d", "2h"}, hours{2}},
      {"100 messages, one a second", {"-R", "1"}, seconds{99}},
      {"100 connects, one a second", {"--connect-rate", "1"}, seconds{99}},
      {"a million connects", {"-n", "1M"}, seconds{950}},
      {"100 GB", {"-s", "1G"}, seconds{9'000}},
      {"a million messages each", {"-m", "1M"}, seconds{20'000}},
      {"a stream of an hour", {"--mode", "stream", "-d", "1h"}, hours{1} - seconds{1}},
      {"its warm-up", {"--mode", "stream", "-d", "1h", "--warmup", "1h"}, hours{2} - seconds{1}},
      {"churn of an hour", {"--mode", "churn", "-d", "1h"}, hours{1} - seconds{1}},
      {"a stream without a duration", {"--mode", "stream"}, seconds{9}},
      {"a search", {"--find-rate", "p99<5ms"}, seconds{299}},
  };
  for (const Row& row : rows) {
    EXPECT_GE(parsed(row.typed).effective_deadline(), usual + row.more) << row.what;
    EXPECT_LE(parsed(row.typed).effective_deadline(), 2 * (usual + row.more) + seconds{20})
        << row.what << ": and a hang ends";
  }
  EXPECT_LT(
      parsed({"--mode", "stream", "-m", "10", "-d", "1s", "-R", "0.001"}).effective_deadline(),
      seconds{120})
      << "its duration ends it, not the number of messages still due";
}

// Bug: twice a timeout of 200 years does not fit 64 bits of nanoseconds, and the sum was a time in
// the past.
TEST(Options, NoPlanIsLongEnoughToOverflowItsDeadline) {
  for (const char* mode : {"hold", "stream", "churn"}) {
    Words words{"--mode",
                mode,
                "-n",
                "4294967280",
                "-m",
                "4294967294",
                "-s",
                "1G",
                "-d",
                "2000000h",
                "--timeout",
                "2000000h",
                "--connect-timeout",
                "2000000h",
                "--connect-rate",
                "0.001"};
    if (std::string(mode) != "churn") words.insert(words.end(), {"-R", "0.001"});
    Options options = parsed(words);
    EXPECT_GT(options.effective_deadline(), hours{24 * 365}) << mode;
    EXPECT_LT(options.effective_deadline(), hours{24 * 365 * 100}) << mode;
    options.deadline = nanoseconds::max();
    EXPECT_LT(options.effective_deadline(), hours{24 * 365 * 100}) << mode;
  }
}

}  // namespace
}  // namespace client
