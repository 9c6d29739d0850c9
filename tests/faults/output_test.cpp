// Output of the results (fault 18): nothing is lost, and nothing is left half written.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json/parse.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"
#include "tests/faults/own_namespace.hpp"
#include "tests/limits/fixture_tree.hpp"

namespace faults {
namespace {

namespace fs = std::filesystem;

std::string text_in(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

class Output : public ::testing::Test {
 protected:
  Ended run(const Words& arguments, const Program::Setup& setup = {}) {
    Words words{server_.target(), "-n", "5"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return Program("client", words, setup).end();
  }
  limits::fixtures::FixtureTree tree_;
  const fs::path place_ = tree_.root() / "result.json";
  Liar server_{honest};
};

constexpr const char* first_three = "Max conc: 5\ntotal: 5\nconc: 0\n";

TEST_F(Output, BeginsWithTheAncestorsThreeLines) {
  const Ended ended = run({});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out.substr(0, std::string(first_three).size()), first_three);
  EXPECT_EQ(ended.err, "") << "a short run prints nothing there";
  EXPECT_EQ(run({"-q"}).out, first_three);
}

TEST_F(Output, OfJsonToAFileIsWholeAndTheTextStays) {
  const Ended ended = run({"--json", place_.string()});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out.substr(0, std::string(first_three).size()), first_three);
  EXPECT_EQ(boost::json::parse(text_in(place_)).at_pointer("/connections/served").to_number<int>(),
            5);
  EXPECT_EQ(files_in(tree_.root()), 1U) << "no temporary file stays";
}

TEST_F(Output, OfFailuresIsWrittenTheSame) {
  Liar liar{[](Peer& peer) { peer.receive(64); }};
  Program client{"client", {liar.target(), "-n", "5", "--json", place_.string()}};
  EXPECT_EQ(client.end().code, 1);
  EXPECT_EQ(boost::json::parse(text_in(place_)).at("status").as_string(), "fail");
}

struct Sink {
  const char* name;
  void (*open)();
};

std::ostream& operator<<(std::ostream& out, const Sink& sink) {
  return out << sink.name;
}

const Sink sinks[] = {
    {"ToAReaderThatIsGone",
     [] {
       int ends[2];
       if (::pipe(ends) != 0) ::_exit(126);
       ::dup2(ends[1], STDOUT_FILENO);
       ::close(ends[0]);
       ::close(ends[1]);
     }},
    {"ToNobody", [] { ::close(STDOUT_FILENO); }},
    {"ToAFullDevice", [] { ::dup2(::open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO); }},
};

class BrokenStdout : public Output, public ::testing::WithParamInterface<Sink> {};

TEST_P(BrokenStdout, IsItsOwnErrorAndNoDeath) {
  for (const Words& arguments : {Words{}, Words{"-q"}, Words{"--json", "-"}}) {
    const Ended ended = run(arguments, GetParam().open);
    EXPECT_EQ(ended.code, 7);
    EXPECT_NE(ended.err.find("write stdout: "), std::string::npos) << ended.err;
    EXPECT_EQ(lines_in(ended.err), 1U) << ended.err;
  }
}

// Bug: the document was written first, as a pass with exit code 0.
TEST_P(BrokenStdout, DoesNotTakeTheDocumentWithIt) {
  EXPECT_EQ(run({"--json", place_.string()}, GetParam().open).code, 7);
  const boost::json::value document = boost::json::parse(text_in(place_));
  EXPECT_EQ(document.at("exit_code").to_number<int>(), 7);
  EXPECT_EQ(document.at("status").as_string(), "fail");
  EXPECT_EQ(document.at_pointer("/connections/served").to_number<int>(), 5);
}

TEST_P(BrokenStdout, IsNoDeathForTheHelpEither) {
  const Ended ended = run({"--help"}, GetParam().open);
  EXPECT_EQ(ended.code, 7) << ended.err;
}

INSTANTIATE_TEST_SUITE_P(Output, BrokenStdout, ::testing::ValuesIn(sinks),
                         [](const auto& info) { return info.param.name; });

// Bug: a document that could not be written took the text report with it, and so the whole result.
TEST_F(Output, OfADocumentThatCannotBeWrittenLeavesTheText) {
  const Ended ended = run({"--json", "/dev/full"});
  EXPECT_EQ(ended.code, 7);
  EXPECT_EQ(ended.out.substr(0, std::string(first_three).size()), first_three);
  EXPECT_NE(ended.err.find("/dev/full"), std::string::npos) << "names the file: " << ended.err;
}

TEST_F(Output, OfADocumentThatDoesNotFitLeavesTheOldOne) {
  std::ofstream(place_) << "the last run's";
  const Ended ended = run({"--json", place_.string()}, [] {
    ::signal(SIGXFSZ, SIG_IGN);  // stays ignored over exec: write(2) then fails with EFBIG
    const rlimit small{1'000, 1'000};
    ::setrlimit(RLIMIT_FSIZE, &small);
  });
  EXPECT_EQ(ended.code, 7);
  EXPECT_EQ(text_in(place_), "the last run's");
  EXPECT_EQ(files_in(tree_.root()), 1U) << "no partial document beside it";
}

TEST_F(Output, OfADocumentToAFullDiskLeavesNothingBehind) {
  const std::string refused = in_own_namespace(CLONE_NEWNS, [this] {
    ASSERT_EQ(::mount("none", tree_.root().c_str(), "tmpfs", 0, "size=4k"), 0);
    std::ofstream(tree_.root() / "filler") << std::string(4'000, 'x');
    EXPECT_EQ(run({"--json", place_.string()}).code, 7);
    EXPECT_EQ(files_in(tree_.root()), 1U) << "only the filler";
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

TEST_F(Output, AnInterruptedRunIsOneEvenIfItsDocumentCannotBeWritten) {
  // Exit code 130 comes before 7.
  std::atomic<bool> received = false;
  Liar silent{[&received](Peer& peer) {
    received = !peer.receive(64).empty();
    peer.ignore();
  }};
  Program client{"client", {silent.target(), "-n", "1", "--json", "/dev/full"}};
  ASSERT_TRUE(eventually([&] { return received.load(); }));
  client.signal(SIGINT);
  const Ended ended = client.end();
  EXPECT_EQ(ended.code, 130);
  EXPECT_NE(ended.err.find("/dev/full"), std::string::npos) << ended.err;
}

// Bug: a line of progress that could not be written ended the run. With stderr closed, the first
// descriptor that was opened became number 2 and received the progress.
TEST_F(Output, OfProgressThatCannotBeWrittenDoesNotEndTheRun) {
  for (const auto& stderr_of : {Program::Setup{[] { ::close(STDERR_FILENO); }}, Program::Setup{[] {
                                  ::dup2(::open("/dev/full", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
                                }}}) {
    const Ended ended = run({"-d", "1500ms", "--progress", "always"}, stderr_of);
    EXPECT_EQ(ended.code, 0);
    EXPECT_TRUE(ended.out.starts_with(first_three)) << ended.out;
  }
}

}  // namespace
}  // namespace faults
