// The output options of every program, to a reader that takes nothing and to a full device: that
// output is lost with exit code 7, in bounded time, and the others are there.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <boost/json/parse.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/faults/liar.hpp"
#include "tests/limits/fixture_tree.hpp"
#include "tests/stalls/stall.hpp"

namespace faults {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

enum class Kind { fifo, full_device };
constexpr Kind kinds[] = {Kind::fifo, Kind::full_device};

struct Lost {
  const char* option;
  Kind kind;
};
std::ostream& operator<<(std::ostream& out, const Lost& lost) {
  return out << lost.option << (lost.kind == Kind::fifo ? " FIFO" : " /dev/full");
}

class LostOutputOf : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file(const std::string& name) const {
    return (tree_.root() / name).string();
  }
  /// A path whose reader takes nothing, or a full device.
  std::string lost_path(Kind kind) {
    if (kind == Kind::full_device) return "/dev/full";
    const std::string path = file("fifo");
    std::filesystem::remove(path);
    ::mkfifo(path.c_str(), 0600);
    fifo_.reset(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ::fcntl(fifo_.get(), F_SETPIPE_SZ, 4096);
    const std::string filler(4096, '.');
    while (::write(fifo_.get(), filler.data(), filler.size()) > 0) {
    }
    return path;
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream stream(file(name));
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  limits::fixtures::FixtureTree tree_;
  echo::Descriptor fifo_;
  Liar server_{honest};
};
class LostOutput : public LostOutputOf, public ::testing::WithParamInterface<Lost> {};

TEST_P(LostOutput, OfTheClientLeavesTheOthersAndIsTheirExitCode) {
  const std::string option = GetParam().option;
  const std::string path = lost_path(GetParam().kind);
  Words words{server_.target(), "-n", "2", "-d", "150ms", "--interval", "50ms", option, path};
  for (const char* other : {"json", "hgrm", "series"}) {
    if (option != std::string("--") + other)
      words.insert(words.end(), {std::string("--") + other, file(other)});
  }
  const Ended ended = Program("client", words).end();
  EXPECT_EQ(ended.code, 7) << ended.err;
  EXPECT_NE(ended.err.find("write " + path + ": "), std::string::npos) << ended.err;
  EXPECT_LT(ended.took, seconds{4} * slower);
  EXPECT_TRUE(ended.out.starts_with("Max conc: 2\n")) << ended.out;
  EXPECT_EQ(content("hgrm").find("Percentile") == std::string::npos, option == "--hgrm");
  EXPECT_EQ(content("series").starts_with("{\"at_ns\""), option != "--series");
  if (option == "--json") return;
  const json::value document = json::parse(content("json"));
  EXPECT_EQ(document.at("exit_code").to_number<int>(), 7);
  EXPECT_EQ(document.at("status").as_string(), "fail");
}

// Bug: the server lost its text report too.
TEST_F(LostOutputOf, AServerLeavesItsTextReport) {
  for (const Kind kind : kinds) {
    for (const char* server : {"echo_threads", "echo_async"}) {
      const std::string path = lost_path(kind);
      Program program{server, {"-p", "0", "--json", path}};
      ASSERT_TRUE(program.prints("listening 127.0.0.1:"));
      program.signal(SIGTERM);
      const Ended ended = program.end();
      EXPECT_EQ(ended.code, 7) << ended.err;
      EXPECT_NE(ended.err.find("write " + path + ": "), std::string::npos) << ended.err;
      EXPECT_TRUE(ended.out.starts_with("EXITING\n")) << ended.out;
      EXPECT_LT(ended.took, seconds{5} * slower);
    }
  }
}

TEST_F(LostOutputOf, MergeLeavesTheOthers) {
  for (const char* name : {"a", "b"}) {
    ASSERT_EQ(Program("client", {server_.target(), "-n", "2", "--json", file(name)}).end().code, 0);
  }
  for (const Kind kind : kinds) {
    for (const auto& [option, other] : {std::pair{"--json", "hgrm"}, {"--hgrm", "json"}}) {
      const std::string path = lost_path(kind);
      const Ended ended = Program("client", {"merge", file("a"), file("b"), option, path,
                                             std::string("--") + other, file(other)})
                              .end();
      EXPECT_EQ(ended.code, 7) << ended.err;
      EXPECT_NE(ended.err.find("write " + path + ": "), std::string::npos) << ended.err;
      EXPECT_LT(ended.took, seconds{4} * slower);
      EXPECT_TRUE(ended.out.starts_with("Max conc: 4\n")) << ended.out;
      EXPECT_NE(content(other), "");
    }
  }
  EXPECT_EQ(json::parse(content("json")).at("exit_code").to_number<int>(), 7);
}

INSTANTIATE_TEST_SUITE_P(Output, LostOutput,
                         ::testing::Values(Lost{"--json", Kind::fifo}, Lost{"--hgrm", Kind::fifo},
                                           Lost{"--series", Kind::fifo},
                                           Lost{"--json", Kind::full_device},
                                           Lost{"--hgrm", Kind::full_device},
                                           Lost{"--series", Kind::full_device}),
                         [](const auto& info) {
                           return std::string(info.param.option + 2) +
                                  (info.param.kind == Kind::fifo ? "ToAFifo" : "ToAFullDevice");
                         });

// Bug: SIGTERM twice had no effect while a FIFO was opened or full.
TEST(FullFifo, IsLeftOnASecondSignalOfAServer) {
  limits::fixtures::FixtureTree tree;
  const std::string path = (tree.root() / "fifo").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const echo::Descriptor reader{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  ASSERT_TRUE(reader);
  const std::string filler(65'536, '.');
  ASSERT_EQ(::write(reader.get(), filler.data(), filler.size()), 65'536);
  Program program{"echo_async", {"-p", "0", "--json", path}};
  ASSERT_TRUE(program.prints("listening 127.0.0.1:"));
  program.signal(SIGTERM);
  ::poll(nullptr, 0, 100);
  program.signal(SIGTERM);
  const Ended ended = program.end();
  EXPECT_TRUE(ended.code == 128 + SIGTERM || ended.code == 7) << ended.code << ended.err;
  EXPECT_LT(ended.took, seconds{5} * slower);
  EXPECT_TRUE(ended.out.starts_with("EXITING\n")) << ended.out;
}

// Bug: a reader that took a little each second kept the client 10 s beyond its deadline.
TEST(SlowFifo, DoesNotKeepAClientBeyondTheSecondAfterItsDeadline) {
  limits::fixtures::FixtureTree tree;
  const std::string path = (tree.root() / "fifo").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const echo::Descriptor fifo{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  ASSERT_TRUE(fifo);
  ::fcntl(fifo.get(), F_SETPIPE_SZ, 4096);
  std::atomic<bool> over = false;
  std::thread reader([&] {
    std::array<char, 4096> page{};
    while (!over) {
      static_cast<void>(::read(fifo.get(), page.data(), page.size()));
      ::poll(nullptr, 0, 200);
    }
  });
  Liar silent{[](Peer& peer) { peer.await_fin(); }};
  // The document has the label in three places: 80 pages, which this reader takes in 16 s.
  const std::string label = "long=" + std::string(100'000, 'x');
  const auto took = quickest(seconds{5}, [&] {
    const Ended ended = Program("client", {silent.target(), "-n", "2", "--deadline", "1s",
                                           "--label", label, "--json", path})
                            .end();
    EXPECT_EQ(ended.code, 7) << ended.err;
    EXPECT_NE(ended.err.find("its reader took too little"), std::string::npos) << ended.err;
    EXPECT_TRUE(ended.out.starts_with("Max conc: 2\n")) << ended.out;
    return ended.took;
  });
  over = true;
  reader.join();
  EXPECT_LT(took, seconds{5});  // 2 s by the contract, some 12 s with the fault
}

TEST(ReadFifo, HasTheWholeDocumentOfEveryProgram) {
  Liar server{honest};
  limits::fixtures::FixtureTree tree;
  const std::string path = (tree.root() / "fifo").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const echo::Descriptor reader{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  ASSERT_TRUE(reader);
  const Ended ended = Program("client", {server.target(), "-n", "2", "--json", path}).end();
  EXPECT_EQ(ended.code, 0) << ended.err;
  std::string text(1U << 20U, '\0');
  const ssize_t count = ::read(reader.get(), text.data(), text.size());
  ASSERT_GT(count, 0);
  text.resize(static_cast<std::size_t>(count));
  EXPECT_EQ(json::parse(text).at_pointer("/connections/served").to_number<int>(), 2);
}

}  // namespace
}  // namespace faults
