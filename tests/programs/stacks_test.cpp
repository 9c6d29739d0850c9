// The stacks of echo_threads as a user sees them: the report, and the size at which it faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "echo/exit_code.hpp"
#include "tests/programs/process.hpp"

namespace programs {
namespace {

namespace json = boost::json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// A model, and the options with which it has three serving threads.
struct Case {
  const char* model;
  std::vector<std::string> more;
};

class Stacks : public ::testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] static std::vector<std::string> words(const std::vector<std::string>& more) {
    std::vector<std::string> words{"echo_threads", "--model", GetParam().model};
    words.insert(words.end(), GetParam().more.begin(), GetParam().more.end());
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static Ended after_three_connections(const std::vector<std::string>& more) {
    RunningServer server{words(more)};
    for (int i = 0; i < 3; ++i) std::ignore = server.connect();
    server.process().signal(SIGTERM);
    return server.process().wait();
  }
};
INSTANTIATE_TEST_SUITE_P(EchoThreads, Stacks,
                         ::testing::Values(Case{"thread-per-connection", {}},
                                           Case{"thread-per-connection",
                                                {"--stack-allocator", "pthread"}},
                                           Case{"pool-accept", {"--workers", "3"}},
                                           Case{"pool-own-queue", {"--workers", "3"}}),
                         [](const auto& info) {
                           std::string name{info.param.model};
                           if (info.param.model == std::string{"thread-per-connection"})
                             name += info.param.more.empty() ? "" : "_pthread";
                           for (char& letter : name) letter = letter == '-' ? '_' : letter;
                           return name;
                         });

TEST_P(Stacks, AreReportedWithStackReport) {
  const Ended ended = after_three_connections({"--touch-stack", "32K", "--stack-report"});
  EXPECT_EQ(ended.code, echo::exit_pass);
  EXPECT_THAT(ended.out, ContainsRegex("\nstacks painted: 3, high water p50 -, p99 -, max "
                                       "[0-9]+,[0-9]{3} B\nsmallest stack that would have held "
                                       "them: [0-9]+K\n"));
  EXPECT_THAT(after_three_connections({"--touch-stack", "32K"}).out, Not(HasSubstr("painted")));
}

TEST_P(Stacks, AreInTheDocumentAndNullWithoutStackReport) {
  const auto stacks = [](std::vector<std::string> more) {
    more.insert(more.end(), {"--json", "-"});
    return json::parse(after_three_connections(more).out).at("stacks");
  };
  EXPECT_TRUE(stacks({}).is_null());
  const json::value report = stacks({"--touch-stack", "32K", "--stack-report"});
  EXPECT_EQ(report.at("painted_threads"), 3);
  EXPECT_TRUE(report.at("high_water").at("p50").is_null());
  EXPECT_GT(report.at("high_water").at("max").to_number<std::uint64_t>(), 32U << 10U);
  EXPECT_EQ(report.at("smallest_size").to_number<std::uint64_t>() % 4096, 0U);
}

/// While one exists, a program that faults leaves no core file.
class NoCores {
 public:
  NoCores() {
    ::getrlimit(RLIMIT_CORE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_CORE, &none);
  }
  ~NoCores() { ::setrlimit(RLIMIT_CORE, &before_); }
  NoCores(const NoCores&) = delete;
  NoCores& operator=(const NoCores&) = delete;

 private:
  rlimit before_{};
};

TEST_P(Stacks, HoldAtTheSizeThatTheReportNamesAndFaultAPageBelow) {
#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
  GTEST_SKIP() << "a sanitizer makes small stacks larger by itself";
#endif
  const NoCores no_cores;
  const json::value document = json::parse(
      after_three_connections({"--touch-stack", "32K", "--stack-report", "--json", "-"}).out);
  const auto smallest = document.at("stacks").at("smallest_size").to_number<std::uint64_t>();
  const auto with_size = [](std::uint64_t size) {
    return std::vector<std::string>{"--touch-stack", "32K", "--stack-size", std::to_string(size)};
  };
  EXPECT_EQ(after_three_connections(with_size(smallest)).code, echo::exit_pass) << smallest;

  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  RunningServer below{words(with_size(smallest - page))};
  EXPECT_THROW(std::ignore = below.connect(), std::runtime_error);
  EXPECT_EQ(below.process().wait().code, echo::exit_signal + SIGSEGV) << smallest - page;
}

TEST_P(Stacks, FaultOnTheGuardEvenIfFarTooSmall) {
#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
  GTEST_SKIP() << "a sanitizer makes small stacks larger by itself";
#endif
  const NoCores no_cores;
  // The thread itself takes more than the guard: a single step would land beyond it.
  RunningServer below{
      words({"--touch-stack", "62K", "--buffer-size", "2047", "--stack-size", "64K"})};
  EXPECT_THROW(std::ignore = below.connect(), std::runtime_error);
  EXPECT_EQ(below.process().wait().code, echo::exit_signal + SIGSEGV);
}

}  // namespace
}  // namespace programs
