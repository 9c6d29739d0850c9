// --ready-fd of both servers, given a descriptor that has another use, takes nothing, or is not
// open.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/limits/fixture_tree.hpp"
#include "tests/stalls/stall.hpp"

namespace faults {
namespace {

constexpr const char* servers[] = {"echo_threads", "echo_async"};

// Bug: --ready-fd 1 closed stdout, so that the report was lost and the server ended with 7.
TEST(ReadyFd, OneLeavesStdoutOpenForTheReport) {
  for (const char* server : servers) {
    Program program{server, {"--port", "0", "--ready-fd", "1"}};
    ASSERT_TRUE(program.prints("listening 127.0.0.1:"));
    program.signal(SIGTERM);
    const Ended ended = program.end();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_NE(ended.out.find("\nEXITING\n"), std::string::npos)
        << "port, then report: " << ended.out;
  }
}

// Bug: the server waited for the reader for ever.
TEST(ReadyFd, ThatTakesNothingIsAnErrorWithinASecond) {
  for (const char* server : servers) {
    const FullPipe pipe;
    Program program{server, {"--port", "0", "--ready-fd", "9"}, [&pipe] { pipe.become(9); }};
    const Ended ended = program.end();
    EXPECT_EQ(ended.code, 7) << ended.err;
    EXPECT_NE(ended.err.find("write --ready-fd 9: its reader took too little"), std::string::npos)
        << ended.err;
    EXPECT_LT(ended.took, seconds{4} * slower);
  }
}

// A file that the server opens for itself could otherwise get that number.
TEST(ReadyFd, ThatIsNotOpenIsRefusedAtTheStart) {
  const limits::fixtures::FixtureTree tree;
  const std::string json = (tree.root() / "result.json").string();
  for (const char* server : servers) {
    for (const char* number : {"3", "4", "5", "77"}) {
      const auto close_all = [] { ::close_range(3, ~0U, 0); };
      Program program{server, {"--port", "0", "--json", json, "--ready-fd", number}, close_all};
      const Ended ended = program.end();
      EXPECT_EQ(ended.code, 2) << ended.err;
      EXPECT_NE(ended.err.find(": this descriptor is not open"), std::string::npos) << ended.err;
    }
    Program program{server, {"--port", "0", "--ready-fd", "0"}};
    const Ended ended = program.end();
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_NE(ended.err.find("is open for reading only"), std::string::npos) << ended.err;
  }
  EXPECT_TRUE(std::filesystem::is_empty(tree.root()));
}

}  // namespace
}  // namespace faults
