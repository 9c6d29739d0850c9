// The servers' command line, with two models that exist only in this test and serve nothing.
#include "server/server_main.hpp"

#include <gtest/gtest.h>

#include <CLI/Error.hpp>
#include <memory>
#include <string>
#include <vector>

#include "echo/exit_code.hpp"
#include "echo/options.hpp"

namespace server {
namespace {

Configured plain(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand = [](const ServerOptions&, std::uint64_t) { return limits::Demand{}; },
          .serve = [](const Serving& serving) { serving.counters.opened(0); }};
}

Configured with_depth(CLI::App& app) {
  auto depth = std::make_shared<std::uint64_t>(1);
  echo::add_count(app, "--depth", *depth, "Depth", {1, 9});
  Configured configured = plain(app);
  configured.check = [depth](const ServerOptions&) {
    if (*depth == 9) throw CLI::ValidationError("--depth", "9 is not supported");
  };
  return configured;
}

constexpr Model shallow{"shallow", "has no options", plain};
constexpr Model deep{"deep", "takes --depth", with_depth};
constexpr const Model* both[] = {&shallow, &deep};

/// The exit code, and the line of the usage error or refusal; "" when the server runs.
struct Answer {
  int code = 0;
  std::string line;
};
Answer answer_to(std::vector<std::string> words) {
  words.insert(words.begin(), "server");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  try {
    return {server_main("server", both, *both[0], static_cast<int>(argv.size()), argv.data()), ""};
  } catch (const CLI::ParseError& error) {
    return {echo::exit_usage, echo::one_line(error)};
  } catch (const echo::Exit& error) {
    return {error.code(), error.what()};
  }
}

TEST(ServerMain, NamesTheModelsThatTakeAnOptionWhenTheChosenOneDoesNot) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--depth", "3"}, std::vector<std::string>{"--depth=3"},
        std::vector<std::string>{"--depth=3", "--model", "shallow"}}) {
    const Answer answer = answer_to(words);
    EXPECT_EQ(answer.code, echo::exit_usage);
    EXPECT_EQ(answer.line, "--depth: model shallow does not take it; these do: deep");
  }
}

TEST(ServerMain, ReportsAnOptionThatNoModelTakes) {
  EXPECT_EQ(answer_to({"--dept"}).line, "--dept: no such option or argument");
  EXPECT_EQ(answer_to({"stray"}).line, "stray: no such option or argument");
}

TEST(ServerMain, NamesTheModelsWhenTheGivenOneDoesNotExist) {
  EXPECT_EQ(answer_to({"--model", "flat"}).line, "--model: \"flat\" is not one of: shallow, deep");
}

TEST(ServerMain, ParsesTheOptionsOfTheChosenModelWhereverModelStandsOnTheLine) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--depth", "12", "--model", "deep"},
        std::vector<std::string>{"--model=deep", "--depth", "12"}}) {
    EXPECT_NE(answer_to(words).line.find("from 1 to 9"), std::string::npos);
  }
}

TEST(ServerMain, ChecksTheModelsOptionsBeforeItListens) {
  EXPECT_EQ(answer_to({"--model", "deep", "--depth", "9", "--bind", "no such host"}).line,
            "--depth: 9 is not supported");
}

TEST(ServerMain, RefusesToServeThePublicBeforeItBinds) {
  for (const char* address : {"0.0.0.0", "::"}) {
    const Answer answer = answer_to({"--bind", address, "-p", "0"});
    EXPECT_EQ(answer.code, echo::exit_safety);
    EXPECT_NE(answer.line.find("--allow-public"), std::string::npos) << answer.line;
  }
}

TEST(ServerMain, DistinguishesNetworkErrorsFromUsageErrors) {
  EXPECT_EQ(answer_to({"--bind", "no such host"}).code, echo::exit_network);
  EXPECT_EQ(answer_to({"--bind", "192.0.2.1", "-p", "0", "--allow-public"}).code,
            echo::exit_network);
}

}  // namespace
}  // namespace server
