// --version and --describe of all four programs, and what `limits` does without its servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "echo/exit_code.hpp"
#include "tests/programs/process.hpp"

namespace programs {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

json::value description_of(std::vector<std::string> words) {
  words.emplace_back("--describe");
  const Ended ended = run(words);
  EXPECT_EQ(ended.code, echo::exit_pass) << ended.err;
  EXPECT_EQ(ended.err, "");
  boost::system::error_code error;
  json::value document = json::parse(ended.out, error);
  EXPECT_FALSE(error) << ended.out;
  return document;
}

std::string text_at(const json::value& document, const char* key) {
  return std::string(document.at(key).as_string());
}

const json::value* entry_named(const json::value& list, const std::string& name) {
  for (const json::value& each : list.as_array()) {
    if (text_at(each, "name") == name) return &each;
  }
  return nullptr;
}

class EveryProgram : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, EveryProgram,
                         ::testing::Values("echo_threads", "echo_async", "client", "limits"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(EveryProgram, PrintsVersionCommitCompilerAndLibraries) {
  const Ended ended = run({GetParam(), "--version"});
  EXPECT_EQ(ended.code, echo::exit_pass);
  EXPECT_THAT(ended.out, StartsWith(std::string(GetParam()) + " (echo testbed) "));
  EXPECT_THAT(ended.out, MatchesRegex("[^\n]+ [0-9]+\\.[0-9]+\\.[0-9]+\n"
                                      "commit     [^\n]+\n"
                                      "compiler   [^\n]+\n"
                                      "libraries  Boost [^\n]+, CLI11 [^\n]+, fmt [^\n]+\n"));
  EXPECT_EQ(ended.err, "");
}

TEST_P(EveryProgram, DescribesEachOptionOfItsHelpWithAType) {
  const json::value document = description_of({GetParam()});
  EXPECT_EQ(text_at(document, "schema"), "echo-testbed-describe/1");
  EXPECT_EQ(text_at(document, "program"), GetParam());
  std::string help = run({GetParam(), "--help"}).out;
  for (const json::value& model : document.at("models").as_array()) {
    help += run({GetParam(), "--model", text_at(model, "name"), "--help"}).out;
  }
  for (const json::value& option : document.at("options").as_array()) {
    const std::string name = text_at(option, "name");
    EXPECT_THAT(help, HasSubstr(name));
    // "text" is what an unknown placeholder falls back to; only these two take any text.
    if (name != "--data" && name != "server_options") {
      EXPECT_NE(text_at(option, "type"), "text") << name;
    }
  }
  std::size_t described = document.at("options").as_array().size();
  EXPECT_GE(described, 5U);
  for (std::size_t at = help.find("\n  -"); at != std::string::npos;
       at = help.find("\n  -", at + 1)) {
    const std::size_t from = help.find("--", at);
    const std::string name = help.substr(from, help.find_first_of(" ,\n", from) - from);
    const bool request =
        name == "--help" || name == "--list-models" || name == "--version" || name == "--describe";
    if (request) continue;
    EXPECT_NE(entry_named(document.at("options"), name), nullptr) << name;
  }
}

TEST(Describe, GivesTheModelsTheirOptionsAndWords) {
  const json::value threads = description_of({"echo_threads"});
  EXPECT_EQ(text_at(threads, "default_model"), "thread-per-connection");
  const json::value* stack = entry_named(threads.at("options"), "--stack-size");
  ASSERT_NE(stack, nullptr);
  EXPECT_EQ(stack->at("models"), (json::value{"thread-per-connection", "pool-accept",
                                              "pool-shared-queue", "pool-own-queue"}));
  EXPECT_EQ(text_at(*stack, "type"), "size");
  EXPECT_EQ(text_at(*stack, "unit"), "bytes");
  EXPECT_EQ(text_at(*stack, "default"), "64K");
  EXPECT_EQ(text_at(*stack, "short"), "-s");
  EXPECT_EQ(text_at(*stack, "end"), "server");

  const json::value async = description_of({"echo_async"});
  const json::value* dispatch = entry_named(async.at("options"), "--dispatch");
  ASSERT_NE(dispatch, nullptr);
  EXPECT_EQ(dispatch->at("words"), (json::value{"round-robin", "least"}));
  const json::value* nodelay = entry_named(async.at("options"), "--nodelay");
  ASSERT_NE(nodelay, nullptr);
  EXPECT_EQ(text_at(*nodelay, "negation"), "--no-nodelay");
  EXPECT_EQ(nodelay->at("default"), json::value(true));
  EXPECT_TRUE(nodelay->at("models").is_null());
}

TEST(Describe, StatesTheDemandUnderTheOptionsThatAreGiven) {
  const json::value few = description_of({"echo_threads", "--model", "pool-accept"});
  const json::value many =
      description_of({"echo_threads", "--model", "pool-accept", "--workers", "64"});
  const auto threads = [](const json::value& document) {
    return entry_named(document.at("models"), "pool-accept")
        ->at("demand")
        .at("fixed_threads")
        .to_number<std::uint64_t>();
  };
  EXPECT_EQ(threads(many), threads(few) + 56);
}

TEST(Describe, GivesEachModelItsOwnDescriptionOfAnOption) {
  const json::value async = description_of({"echo_async"});
  const std::string help = run({"echo_async", "--model", "hand-off", "--help"}).out;
  bool found = false;
  for (const json::value& option : async.at("options").as_array()) {
    if (text_at(option, "name") != "--workers") continue;
    const auto& models = option.at("models").as_array();
    if (std::find(models.begin(), models.end(), json::value("hand-off")) == models.end()) continue;
    found = true;
    EXPECT_THAT(help, HasSubstr(text_at(option, "description")));
  }
  EXPECT_TRUE(found);
}

TEST(Describe, RefusesOptionsThatCannotWork) {
  const Ended ended = run({"echo_threads", "--stack-size", "1K", "--describe"});
  EXPECT_EQ(ended.code, echo::exit_usage);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("PTHREAD_STACK_MIN"));
}

TEST(Limits, EndsWithTwoAndOneLineThatSaysWhatIsAllowed) {
  struct Case {
    std::vector<std::string> words;
    const char* error;
  };
  const Case cases[] = {
      {{"-n", "-1"}, "\"-1\""},
      {{"-n", "0"}, "at least 1"},
      {{"--model", "no-such"}, "is not one of iterative, thread-per-connection, "},
      {{"--model", "no-such"}, ", io-uring"},
      {{"--model", "callbacks", "-s", "64K"}, "model callbacks does not take it"},
      {{"-s", "1K"}, "PTHREAD_STACK_MIN"},
      {{"--ends", "none"}, "both or server or client"},
      {{"--emit", "launchd"}, "systemd, limits.d or sysctl.d"},
      {{"--emit", "systemd", "--json"}, "--emit"},
      {{"--", "--workers", "0"}, "--workers"},
      {{"--", "--model", "iterative"}, "--model: limits sets it"},
      {{"--", "--help"}, "--help: limits sets it, or has its own"},
      {{"--ends", "client", "--model", "callbacks"}, "--ends: client: without --model"},
      {{"--no-such"}, "--no-such"}};
  for (const Case& each : cases) {
    std::vector<std::string> words = each.words;
    words.insert(words.begin(), "limits");
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, echo::exit_usage) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, AllOf(StartsWith("limits: "), HasSubstr(each.error)));
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }
}

TEST(Limits, PassesTheOptionsBehindTwoDashesToTheServer) {
  const Ended ended = run(
      {"limits", "-n", "100", "--model", "pool-own-queue", "--", "--workers", "64", "-s", "32K"});
  EXPECT_EQ(ended.code, echo::exit_pass) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("\necho_threads --model pool-own-queue --workers 64 -s 32K and "
                                   "the client, over loopback\n"));
}

/// A folder that holds a copy of `limits`, and what the test puts beside it.
class LimitsElsewhere : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "limits-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::filesystem::copy_file(std::filesystem::path(TESTBED_BIN_DIR) / "limits",
                               folder_ / "limits");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] Ended run_here(std::vector<std::string> words) const {
    words.insert(words.begin(), (folder_ / "limits").string());
    return run(std::move(words));
  }
  void put(const std::string& name, const std::string& script) const {
    std::ofstream(folder_ / name) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(folder_ / name, std::filesystem::perms::owner_all);
  }

  std::filesystem::path folder_;
};

TEST_F(LimitsElsewhere, EndsWithSevenNamingTheServerThatIsNotThere) {
  const Ended ended = run_here({"-n", "10"});
  EXPECT_EQ(ended.code, echo::exit_internal);
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("echo_threads: No such file"), HasSubstr("--ends client")));
  EXPECT_EQ(run_here({"-n", "10", "--ends", "client"}).code, echo::exit_pass);
}

TEST_F(LimitsElsewhere, EndsWithSevenWhereAServerPrintsNoDescription) {
  put("echo_threads", "echo hello");
  const Ended ended = run_here({"-n", "10"});
  EXPECT_EQ(ended.code, echo::exit_internal);
  EXPECT_THAT(ended.err, HasSubstr("--describe"));
}

TEST_F(LimitsElsewhere, EndsWithSevenNamingAServerThatIsTooOldOrCrashes) {
  for (const char* script :
       {"echo 'echo_threads: --describe: no such option' >&2; exit 2", "kill -9 $$"}) {
    put("echo_threads", script);
    const Ended ended = run_here({"-n", "10"});
    EXPECT_EQ(ended.code, echo::exit_internal);
    EXPECT_THAT(ended.err,
                AllOf(HasSubstr((folder_ / "echo_threads").string()), HasSubstr("--ends client")));
  }
}

TEST_F(LimitsElsewhere, EndsWithSevenNamingTheServerWhoseDescriptionIsMalformed) {
  const std::string head = R"({"schema": "echo-testbed-describe/1")";
  const std::string model = R"("name": "thread-per-connection")";
  for (const std::string& rest :
       {std::string("}"), std::string(R"(, "models": {}})"), std::string(R"(, "models": [7]})"),
        R"(, "models": [{)" + model + "}]}",
        R"(, "models": [{)" + model + R"(, "demand": {}}]})"}) {
    put("echo_threads", "cat <<'END'\n" + head + rest + "\nEND");
    const Ended ended = run_here({"-n", "10"});
    EXPECT_EQ(ended.code, echo::exit_internal) << rest;
    EXPECT_THAT(ended.err, HasSubstr("echo_threads: its description is malformed: ")) << rest;
  }
}

TEST_F(LimitsElsewhere, DoesNotWaitForAServerThatGoesOnWithoutOutputs) {
  put("echo_threads", "exec >&- 2>&-; exec sleep 60");
  const Ended ended = run_here({"-n", "10"});
  EXPECT_EQ(ended.code, echo::exit_internal);
  EXPECT_THAT(ended.err, HasSubstr("does not end after --describe"));
}

TEST_F(LimitsElsewhere, DoesNotReadWithoutEnd) {
  put("echo_threads", "exec yes");
  const Ended ended = run_here({"-n", "10"});
  EXPECT_EQ(ended.code, echo::exit_internal);
  EXPECT_THAT(ended.err, HasSubstr("does not end after --describe"));
}

TEST_F(LimitsElsewhere, PassesOnTheCodeAndTheLineOfAServerThatRefuses) {
  std::filesystem::copy_file(std::filesystem::path(TESTBED_BIN_DIR) / "echo_threads",
                             folder_ / "real");
  put("echo_threads",
      "if [ $# -gt 1 ]; then echo 'echo_threads: no room' >&2; exit 3; fi\n"
      "exec \"$(dirname \"$0\")/real\" \"$@\"");
  const Ended ended = run_here({"-n", "10"});
  EXPECT_EQ(ended.code, echo::exit_refused);
  EXPECT_EQ(ended.err, "limits: echo_threads: no room\n");
}

}  // namespace
}  // namespace programs
