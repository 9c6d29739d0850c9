// --ready-fd of both servers, given a descriptor that is also something else, takes nothing, or is
// not open.
#include <gtest/gtest.h>

#include "tests/faults/program.hpp"

namespace faults {
namespace {

// Bug: --ready-fd 1 closed stdout, so that the report was lost and the server ended with 7.
TEST(ReadyFd, OneLeavesStdoutOpenForTheReport) {
  for (const char* server : {"echo_threads", "echo_async"}) {
    Program program{server, {"--port", "0", "--ready-fd", "1"}};
    ASSERT_TRUE(program.prints("listening 127.0.0.1:"));
    program.signal(SIGTERM);
    const Ended ended = program.end();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_NE(ended.out.find("\nEXITING\n"), std::string::npos)
        << "port, then report: " << ended.out;
  }
}

}  // namespace
}  // namespace faults
