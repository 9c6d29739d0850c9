// Both ends with fewer descriptors than connections: --tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "echo/exit_code.hpp"
#include "tests/programs/process.hpp"

namespace programs {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// The sanitizers take several times as long, and the thread sanitizer takes one number in two
/// tables for one descriptor.
#if defined(TESTBED_SANITIZES_THREAD)
constexpr bool knows_tables = false;
#else
constexpr bool knows_tables = true;
#endif

class InTables : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!knows_tables) GTEST_SKIP();
  }
};
INSTANTIATE_TEST_SUITE_P(All, InTables,
                         ::testing::Values("thread-per-connection", "callbacks", "io-uring"),
                         [](const auto& info) {
                           std::string name{info.param};
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

// The limit of each end is a quarter of the connections.
TEST_P(InTables, BothEndsHoldMoreConnectionsThanDescriptors) {
  const std::string model{GetParam()};
  const std::string program = model == "thread-per-connection" ? "echo_threads" : "echo_async";
  RunningServer server{{program, "--model", model, "--max-connections", "1000"},
                       Stdout::read,
                       allow_few_descriptors};
  const Ended client =
      run({"client", "127.0.0.1:" + std::to_string(server.port()), "-n", "1000", "--json", "-"},
          Stdout::read, allow_few_descriptors);
  ASSERT_EQ(client.code, echo::exit_pass) << client.err;
  const json::value report = json::parse(client.out);
  EXPECT_EQ(report.at("connections").at("served").to_number<int>(), 1'000);
  EXPECT_EQ(report.at("connections").at("max_concurrent").to_number<int>(), 1'000);
  EXPECT_EQ(report.at("options").at("tables"), "5") << "5 of 200 connections and 16 descriptors";
  const json::value& open = report.at("memory").at("server").at("descriptors");
  EXPECT_TRUE(open.is_null() || open.to_number<int>() >= 1'000) << "of all tables: " << open;
  server.process().signal(SIGTERM);
  const Ended ended = server.process().wait();
  EXPECT_EQ(ended.code, echo::exit_pass) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("Max conc: 1000\nTotal: 1000\nNow: 0\n"),
                               HasSubstr("model: " + model + ", 6 tables\n")));
  EXPECT_EQ(ended.out.find("shed"), std::string::npos) << ended.out;
}

TEST(Tables, AModelThatCannotUseThemNamesThoseThatDo) {
  const Ended ended = run({"echo_async", "--model", "select", "--tables", "2"});
  EXPECT_EQ(ended.code, echo::exit_usage);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("select does not take it"), HasSubstr("callbacks"),
                               HasSubstr("io-uring")));
}

TEST(Tables, WhatTheyMayBeIsSaid) {
  for (const char* program : {"echo_threads", "echo_async", "client"}) {
    for (const char* wrong : {"0", "-1", "all", "33000"}) {
      const Ended ended = run({program, "--tables", wrong});
      EXPECT_EQ(ended.code, echo::exit_usage) << program << wrong;
      EXPECT_THAT(ended.err, AllOf(HasSubstr("--tables"), HasSubstr("32768"), HasSubstr("auto")));
    }
  }
  const Ended fewer = run({"client", "--tables", "2", "--threads", "4"});
  EXPECT_EQ(fewer.code, echo::exit_usage);
  EXPECT_THAT(fewer.err, HasSubstr("--tables: 1, auto, or at least the 4 of --threads"));
}

// Without --max-connections a server expects 10,000.
TEST(Tables, AreNotUsedWhereOneSuffices) {
  RunningServer server{{"echo_async", "--max-connections", "100"}};
  const Ended client =
      run({"client", "127.0.0.1:" + std::to_string(server.port()), "-n", "100", "--json", "-"});
  EXPECT_EQ(json::parse(client.out).at("options").at("tables"), "1");
  server.process().signal(SIGTERM);
  EXPECT_THAT(server.process().wait().out, HasSubstr("model: callbacks\n"));
}

TEST(Tables, AServerWithoutABoundExpectsTenThousandConnections) {
  if (!knows_tables) GTEST_SKIP();
  RunningServer server{{"echo_async"}, Stdout::read, allow_few_descriptors};
  server.process().signal(SIGTERM);
  EXPECT_THAT(server.process().wait().out, HasSubstr("model: callbacks, 55 tables\n"));
}

TEST(Tables, LimitsCountsThem) {
  const auto row = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"limits", "--json"});
    const json::value document = json::parse(run(words, Stdout::read, allow_few_descriptors).out);
    for (const json::value& each : document.at("limits").as_array()) {
      if (each.at("name") == "open files") return each;
    }
    return json::value{};
  };
  const json::value both = row({"-n", "10k", "--model", "callbacks"});
  EXPECT_EQ(both.at("status"), "ok");
  EXPECT_THAT(std::string(both.at("source").as_string()),
              HasSubstr("each of 55 and 42 descriptor tables"));
  EXPECT_EQ(row({"-n", "10k", "--model", "select", "--ends", "server"}).at("status"), "short");
  EXPECT_EQ(row({"-n", "10k", "--model", "callbacks", "--", "--tables", "1"}).at("status"),
            "short");
}

}  // namespace
}  // namespace programs
