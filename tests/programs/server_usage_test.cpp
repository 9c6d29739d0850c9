// The servers' command line: every refusal is one line on stderr, with the documented exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "echo/exit_code.hpp"
#include "tests/programs/process.hpp"

namespace programs {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class ServerUsage : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] static std::vector<std::string> words(std::vector<std::string> more) {
    more.insert(more.begin(), GetParam());
    return more;
  }
  /// One line on stderr that begins with the program's name; nothing on stdout.
  static void expect_one_line(const Ended& ended) {
    EXPECT_THAT(ended.err, StartsWith(std::string(GetParam()) + ": "));
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    EXPECT_THAT(ended.err, EndsWith("\n"));
    EXPECT_EQ(ended.out, "");
  }
};
INSTANTIATE_TEST_SUITE_P(Both, ServerUsage, ::testing::Values("echo_threads", "echo_async"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(ServerUsage, EndsWithTwoAndOneLineThatNamesWhatIsAllowed) {
  struct Case {
    std::vector<std::string> more;
    const char* text;
  };
  const Case cases[] = {
      {{"-p", "99999"}, "0 to 65535"},
      {{"-p", "-1"}, "0 to 65535"},
      {{"-p", "http"}, "0 to 65535"},
      {{"-p"}, "--port"},
      {{"--model", "no-such"}, "is not one of: "},
      {{"--no-such"}, "--no-such: no such option"},
      {{"stray"}, "stray: no such option or argument"},
      {{"--backlog", "0"}, "1 to 1000000"},
      {{"--max-connections", "0"}, "at least 1"},
      {{"--max-connections", "9E"}, "a count: digits"},
      {{"--buffer-size", "1G"}, "from 1 to 67108864"},
      {{"--drain-timeout", "soon"}, "a duration: digits"},
      {{"--ready-fd", "-1"}, "--ready-fd"},
      {{"-p", "0", "--ready-fd", "777"}, "--ready-fd 777"},
      {{"--protocol", "ftp"}, "echo or http"},
      {{"--max-header", "8K"}, "--max-header: needs --protocol http"},
      {{"--max-body", "1M", "--protocol", "echo"}, "--max-body: needs --protocol http"},
      {{"--request-timeout", "1s"}, "--request-timeout: needs --protocol http"},
      {{"--keepalive-timeout", "1s"}, "--keepalive-timeout: needs --protocol http"},
      {{"--http-close", "reset"}, "--http-close: needs --protocol http"},
      {{"--protocol", "http", "--max-header", "1"}, "from 128 to 1048576"},
      {{"--protocol", "http", "--http-close", "never"}, "announced or unannounced or reset"},
      {{"--protocol", "http", "--request-timeout", "0"}, "--request-timeout"},
  };
  for (const Case& each : cases) {
    const Ended ended = run(words(each.more));
    EXPECT_EQ(ended.code, echo::exit_usage) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(each.text));
    expect_one_line(ended);
  }
}

TEST(EchoThreadsUsage, RefusesAStackThatIsTooSmall) {
  struct Case {
    std::vector<std::string> words;
    const char* text;
  };
  const Case cases[] = {
      {{"--stack-size", "1K"}, "PTHREAD_STACK_MIN"},
      {{"--stack-size", "64K", "--buffer-size", "64K"}, "at least 68K"},
      {{"--stack-size", "32K", "--touch-stack", "64K"}, "at least 68K"},
      {{"--stack-size", "16K", "--buffer-size", "8K", "--protocol", "http"}, "--protocol http"},
      {{"--model", "pool-accept", "--stack-size", "1K"}, "PTHREAD_STACK_MIN"},
      {{"--model", "pool-own-queue", "--stack-size", "32K", "--touch-stack", "64K"},
       "at least 68K"},
  };
  for (const Case& each : cases) {
    std::vector<std::string> words = each.words;
    words.insert(words.begin(), "echo_threads");
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, echo::exit_usage);
    EXPECT_THAT(ended.err, AllOf(HasSubstr("--stack-size"), HasSubstr(each.text)));
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1);
  }
}

TEST(EchoThreadsUsage, RefusesOptionsThatNeedMoreThanTheOnePage) {
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--touch-stack", "16K"},
                                               {"--stack-report"},
                                               {"--protocol", "http"}}) {
    std::vector<std::string> words{"echo_threads", "--one-page-stacks", "--buffer-size", "512"};
    words.insert(words.end(), more.begin(), more.end());
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, echo::exit_usage);
    EXPECT_THAT(ended.err, HasSubstr("--one-page-stacks"));
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1);
  }
}

TEST(EchoThreadsUsage, NamesTheModelsWhoseThreadsHaveStacks) {
  for (const char* model : {"iterative", "fork-per-connection", "prefork"}) {
    for (const char* option : {"--stack-size=64K", "--touch-stack=1K", "--stack-report"}) {
      const Ended ended = run({"echo_threads", "--model", model, option});
      EXPECT_EQ(ended.code, echo::exit_usage);
      EXPECT_THAT(ended.err, HasSubstr("these do: thread-per-connection, pool-accept, "
                                       "pool-shared-queue, pool-own-queue"));
    }
  }
}

TEST_P(ServerUsage, EndsWithFourNamingTheAddressInUse) {
  const RunningServer first{words({})};
  const Ended second = run(words({"-p", std::to_string(first.port())}));
  EXPECT_EQ(second.code, echo::exit_network);
  EXPECT_THAT(second.err,
              HasSubstr("127.0.0.1:" + std::to_string(first.port()) + ": Address already in use"));
  expect_one_line(second);
}

TEST_P(ServerUsage, EndsWithSixOutsideLoopbackWithoutAllowPublic) {
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1"}) {
    const Ended ended = run(words({"--bind", address, "-p", "0"}));
    EXPECT_EQ(ended.code, echo::exit_safety);
    EXPECT_THAT(ended.err, HasSubstr("--allow-public"));
    expect_one_line(ended);
  }
}

/// Lets a table hold 256 descriptors.
TEST_P(ServerUsage, EndsWithThreeNamingTheLimitAndTheCommandThatLiftsIt) {
  const Ended ended = run(words({"-p", "0", "--max-connections", "1M", "--tables", "1"}),
                          Stdout::read, allow_few_descriptors);
  EXPECT_EQ(ended.code, echo::exit_refused);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("open files"), HasSubstr("256"), HasSubstr("ulimit -n")));
  expect_one_line(ended);
}

TEST_P(ServerUsage, PrintsHelpAndListsItsModels) {
  const Ended help = run(words({"--help"}));
  EXPECT_EQ(help.code, echo::exit_pass);
  EXPECT_THAT(help.out,
              AllOf(HasSubstr("--model"), HasSubstr("--drain-timeout"), HasSubstr("--json")));
  EXPECT_EQ(help.err, "");
  EXPECT_EQ(run(words({"-h"})).out, help.out);

  const Ended list = run(words({"--list-models"}));
  EXPECT_EQ(list.code, echo::exit_pass);
  EXPECT_THAT(list.out, MatchesRegex("([a-z0-9-]+ +[^\n]+\n)+"));
}

TEST_P(ServerUsage, EndsWithSevenWhenTheHelpCannotBeWritten) {
  for (const Stdout out : {Stdout::full, Stdout::closed}) {
    const Ended ended = run(words({"--help"}), out);
    EXPECT_EQ(ended.code, echo::exit_internal);
    expect_one_line(ended);
  }
}

}  // namespace
}  // namespace programs
