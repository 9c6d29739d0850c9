// `client merge` as a program: its files, its error line, its exit code.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/Error.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "client/report/merge.hpp"
#include "echo/exit_code.hpp"
#include "tests/client/run_by_hand.hpp"

namespace client {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

class MergeProgram : public ::testing::Test {
 protected:
  MergeProgram() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~MergeProgram() override {
    for (const char* name : {"a.json", "b.json", "ab.json", "ab.hgrm", "broken.json"}) {
      std::remove(path(name).c_str());
    }
    ::rmdir(folder_.c_str());
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  /// The exit code and the error line that the program would end with.
  static std::pair<int, std::string> outcome(const std::vector<std::string>& arguments) {
    try {
      return {run_merge(arguments), ""};
    } catch (const echo::Exit& error) {
      return {error.code(), error.what()};
    }
  }

 private:
  std::string folder_ = ::testing::TempDir() + "merge.XXXXXX";
};

TEST_F(MergeProgram, AMissingRankMayBeGivenBeforeTheFiles) {
  json::object text = document("a", {.served = 1}).whole().as_object();
  text["rank"] = json::object{{"rank", 0},
                              {"ranks", 2},
                              {"host", "h0"},
                              {"clock_before", nullptr},
                              {"clock_after", nullptr},
                              {"start", nullptr},
                              {"traffic", nullptr}};
  write("a.json", json::serialize(text));
  const auto [code, line] =
      outcome({"--missing", "1=h1: killed", path("a.json"), "--json", path("ab.json")});
  EXPECT_EQ(code, 1) << line;
  EXPECT_EQ(read_document(path("ab.json")).text("/missing/0/host"), "h1");
}

TEST_F(MergeProgram, WritesTheMergedDocumentAndTheDistribution) {
  Measured a{.served = 1};
  for (int i = 0; i < 20; ++i) a.echo.record(1ms);
  write("a.json", json::serialize(document("a", a).whole()));
  write("b.json", json::serialize(document("b", {.served = 2}).whole()));
  const auto [code, line] = outcome(
      {path("a.json"), path("b.json"), "--json", path("ab.json"), "--hgrm", path("ab.hgrm")});
  EXPECT_EQ(code, 0) << line;
  EXPECT_EQ(read_document(path("ab.json")).count("/connections/served"), 3U);
  std::ifstream hgrm(path("ab.hgrm"));
  std::string header;
  std::getline(hgrm, header);
  EXPECT_NE(header.find("1/(1-Percentile)"), std::string::npos);
}

TEST_F(MergeProgram, NeedsAFile) {
  EXPECT_THROW(run_merge({}), CLI::ParseError);
}

TEST_F(MergeProgram, EndsWithOneErrorLineAndTheDocumentedExitCode) {
  write("a.json", json::serialize(document("a", {.served = 1, .exit_code = 130}).whole()));
  write("broken.json", "{\"schema\": ");
  write("b.json", "");
  ASSERT_EQ(::mkfifo(path("ab.json").c_str(), 0600), 0);
  struct Case {
    std::vector<std::string> arguments;
    int code;
    const char* error;
  };
  const Case cases[] = {
      {{path("absent.json")}, 2, "absent.json: No such file"},
      {{path("broken.json")}, 2, "broken.json: not JSON"},
      {{path("b.json")}, 2, "b.json: empty"},
      {{path(".")}, 2, "a folder, not a file"},
      {{path("ab.json")}, 2, "ab.json: empty"},  // a FIFO that nobody writes
      {{"/dev/zero"}, 2, "/dev/zero: not a regular file"},
      {{path("a.json"), path("a.json")}, 2, "the same document as"},
      {{path("a.json"), "--json", path("no/such/folder")}, 2, "there is no folder"},
      {{path("a.json"), "--hgrm", path("no/such/folder")}, 2, "there is no folder"},
      {{path("a.json")}, 1, ""},
  };
  for (const Case& each : cases) {
    const auto [code, line] = outcome(each.arguments);
    EXPECT_EQ(code, each.code) << line;
    EXPECT_NE(line.find(each.error), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace client
