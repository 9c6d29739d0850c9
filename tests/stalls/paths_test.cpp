// The output options of every program, with each kind of path that cannot work: refused at the
// start with one line and exit code 2, before a connection is made and before a server listens.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/faults/liar.hpp"
#include "tests/faults/own_namespace.hpp"
#include "tests/limits/fixture_tree.hpp"
#include "tests/stalls/stall.hpp"

namespace faults {
namespace {

namespace fs = std::filesystem;

/// A program with an output option. `words` come before it.
struct Option {
  const char* program;
  Words words;
  const char* name;
};

class Paths : public ::testing::Test {
 protected:
  Paths() { std::ofstream(file("old")) << "old"; }

  [[nodiscard]] std::string file(const std::string& name) const {
    return (tree_.root() / name).string();
  }
  [[nodiscard]] std::vector<Option> options() const {
    const Words client{server_.target(), "-n", "2"};
    return {{"client", client, "--json"},
            {"client", client, "--hgrm"},
            {"client", client, "--series"},
            {"client", {"merge", "no-such-document"}, "--json"},
            {"client", {"merge", "no-such-document"}, "--hgrm"},
            {"echo_threads", {"-p", "0"}, "--json"},
            {"echo_async", {"-p", "0"}, "--json"}};
  }
  /// Runs each option with `path`, and expects each to be refused for a reason that has `reason`.
  void expect_refused(const std::string& path, const std::string& reason) {
    for (const Option& option : options()) {
      Words words = option.words;
      words.insert(words.end(), {option.name, path});
      const Ended ended = Program(option.program, words).end();
      const std::string what = std::string(option.program) + " " + option.name + ": " + ended.err;
      EXPECT_EQ(ended.code, 2) << what;
      EXPECT_NE(ended.err.find(option.name), std::string::npos) << what;
      EXPECT_NE(ended.err.find(reason), std::string::npos) << what;
      EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << what;
      EXPECT_EQ(ended.out, "") << what;
      EXPECT_LT(ended.took, seconds{3} * slower) << what;
    }
    EXPECT_EQ(connections_, 0) << "traffic before the refusal";
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream stream(file(name));
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  limits::fixtures::FixtureTree tree_;
  std::atomic<int> connections_ = 0;
  Liar server_{[this](Peer& peer) {
    ++connections_;
    honest(peer);
  }};
};

TEST_F(Paths, ThatAreFoldersAreRefusedAtTheStart) {
  expect_refused(tree_.root().string(), "is a folder");
}

TEST_F(Paths, InAMissingFolderAreRefusedAtTheStart) {
  expect_refused(file("missing/result"), "there is no folder");
}

TEST_F(Paths, InAFolderThatTakesNoFileAreRefusedAtTheStart) {
  expect_refused("/proc/result", "No such file or directory");
}

TEST_F(Paths, OnAReadOnlyFileSystemAreRefusedAtTheStart) {
  fs::create_directory(tree_.root() / "read-only");
  const std::string refused = in_own_namespace(CLONE_NEWNS, [this] {
    ASSERT_EQ(::mount("none", file("read-only").c_str(), "tmpfs", MS_RDONLY, nullptr), 0);
    expect_refused(file("read-only/result"), "Read-only file system");
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

TEST_F(Paths, ThatAreMountPointsAreRefusedAtTheStart) {
  std::ofstream(file("mounted")) << "old";
  const std::string refused = in_own_namespace(CLONE_NEWNS, [this] {
    const std::string place = file("mounted");
    ASSERT_EQ(::mount(file("old").c_str(), place.c_str(), nullptr, MS_BIND, nullptr), 0);
    for (const char* name : {"--json", "--hgrm"}) {
      const Ended ended = Program("client", {server_.target(), name, place}).end();
      EXPECT_EQ(ended.code, 2) << ended.err;
      EXPECT_NE(ended.err.find("is a mount point"), std::string::npos) << ended.err;
    }
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
  EXPECT_EQ(content("old"), "old");
}

TEST_F(Paths, OfClosedDescriptorsAreRefusedAtTheStart) {
  expect_refused("/dev/fd/77", "No such file or directory");
}

// Bug: an empty path counted as no option.
TEST_F(Paths, ThatAreEmptyAreRefusedAtTheStart) {
  expect_refused("", "an empty path");
}

// Bug: the programs waited for a reader for ever.
TEST_F(Paths, OfFifosThatNobodyReadsAreRefusedAtTheStart) {
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  expect_refused(file("fifo"), "no process reads this FIFO");
}

// Bug: --series emptied the file behind it.
TEST_F(Paths, ThatAreLinksOfAnotherUserInASharedFolderAreNotFollowed) {
  fs::create_symlink(file("old"), file("link"));
  if (::lchown(file("link").c_str(), 4711, 4711) != 0) GTEST_SKIP() << "only root can";
  fs::permissions(tree_.root(), fs::perms::all);
  expect_refused(file("link"), "is a link of another user");
  EXPECT_EQ(content("old"), "old");
}

TEST_F(Paths, OfTwoOptionsMayNotBeTheSame) {
  for (const std::string& path : {std::string("-"), file("new")}) {
    for (const auto& [one, two] :
         {std::pair{"--json", "--hgrm"}, {"--json", "--series"}, {"--hgrm", "--series"}}) {
      const Ended ended = Program("client", {server_.target(), one, path, two, path}).end();
      EXPECT_EQ(ended.code, 2) << ended.err;
      EXPECT_NE(ended.err.find("already writes"), std::string::npos) << ended.err;
    }
  }
}

// Nothing of an older run is lost when the new one is refused.
TEST_F(Paths, ThatWorkStayAsTheyAreWhenAnotherIsRefused) {
  const Words refusals[] = {{"--json", tree_.root().string()}, {"--interval", "1ms"}};
  for (const Words& refusal : refusals) {
    Words words{server_.target(), "--series", file("old")};
    words.insert(words.end(), refusal.begin(), refusal.end());
    EXPECT_EQ(Program("client", words).end().code, 2);
    EXPECT_EQ(content("old"), "old");
  }
}

// Bug: --hgrm - and --series - wrote a file called "-".
TEST_F(Paths, ThatAreADashMeanStdoutAndNothingElseIsThere) {
  const Program::Setup in_tree = [this] {
    [[maybe_unused]] const int moved = ::chdir(tree_.root().c_str());
  };
  const std::pair<const char*, const char*> outputs[] = {
      {"--json", "{\"schema\""}, {"--hgrm", "          Value "}, {"--series", "{\"at_ns\""}};
  for (const auto& [name, begin] : outputs) {
    const Ended ended = Program("client", {server_.target(), "-n", "2", name, "-"}, in_tree).end();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_TRUE(ended.out.starts_with(begin)) << name << ": " << ended.out;
    EXPECT_EQ(ended.out.find("Max conc"), std::string::npos) << name;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(tree_.root()), {}), 1) << "only the old file";
}

// Bug: run by root, --json /dev/stdout into a file replaced the link /dev/stdout by a file.
TEST_F(Paths, OfDescriptorsAreWrittenAfterWhatIsThere) {
  const std::string link = file("stdout");  // as /dev/stdout, which a failure must not replace
  fs::create_symlink("/proc/self/fd/1", link);
  for (const std::string& path : {link, std::string("/dev/fd/1"), std::string("/proc/self/fd/1")}) {
    const Ended ended = Program("client", {server_.target(), "-n", "2", "--json", path}).end();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_TRUE(ended.out.starts_with("Max conc: 2\n")) << ended.out;
    EXPECT_NE(ended.out.find("PASS: 2 of 2 served\n{\"schema\":"), std::string::npos) << ended.out;
  }
  EXPECT_TRUE(fs::is_symlink(link));
}

}  // namespace
}  // namespace faults
