// stderr that takes nothing while a run goes on: a full pipe, or a terminal after Ctrl-S.
//
// Bug: progress and --stats waited for their reader for ever; a server ignored two SIGTERMs.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <memory>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"
#include "tests/stalls/stall.hpp"

namespace faults {
namespace {

struct StallCase {
  const char* name;
  std::unique_ptr<Stall> (*stall)();
};
std::ostream& operator<<(std::ostream& out, const StallCase& each) {
  return out << each.name;
}

class StalledStderr : public ::testing::TestWithParam<StallCase> {
 protected:
  [[nodiscard]] Program::Setup stalled() const {
    return [this] { stall_->become(STDERR_FILENO); };
  }
  std::unique_ptr<Stall> stall_ = GetParam().stall();
};

TEST_P(StalledStderr, DelaysNoRunAndItsLostLinesAreCounted) {
  Liar server{honest};
  const Report report =
      run_client(server.target(), {"-n", "5", "-d", "1500ms", "--progress", "always"}, stalled());
  EXPECT_EQ(report.code, 0);
  EXPECT_EQ(report.served(), 5U);
  EXPECT_TRUE(report.warns("lost: stderr did not take")) << report.out;
}

TEST_P(StalledStderr, DelaysNoErrorLineForEver) {
  Program program{"client", {"-n", "-1"}, stalled()};
  const Ended ended = program.end();
  EXPECT_EQ(ended.code, 2);
  EXPECT_LT(ended.took, seconds{3} * slower);
}

TEST_P(StalledStderr, OfAServerWithStatsDoesNotKeepItFromEnding) {
  for (const char* server : {"echo_threads", "echo_async"}) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const echo::Descriptor ready{ends[0]};
    echo::Descriptor writing{ends[1]};
    Program program{server, {"-p", "0", "--stats", "50ms", "--ready-fd", "9"}, [&] {
                      stall_->become(STDERR_FILENO);
                      become(writing.get(), 9);
                    }};
    writing.reset();
    char port[8];
    ASSERT_GT(::read(ready.get(), port, sizeof port), 1);
    ::poll(nullptr, 0, 1'500);  // 'listening' waits a second; then some lines of --stats
    program.signal(SIGTERM);
    const Ended ended = program.end();
    EXPECT_EQ(ended.code, 0) << server;
    EXPECT_LT(ended.took, seconds{6} * slower);
    EXPECT_TRUE(ended.out.starts_with("EXITING\n")) << server << ": " << ended.out;
    EXPECT_NE(ended.out.find("lost: stderr did not take"), std::string::npos) << ended.out;
  }
}

INSTANTIATE_TEST_SUITE_P(Output, StalledStderr,
                         ::testing::Values(StallCase{"FullPipe", made<FullPipe>},
                                           StallCase{"StoppedTerminal", made<StoppedTerminal>}),
                         [](const auto& info) { return info.param.name; });

// O_NONBLOCK on a descriptor that the shell shares would break the shell.
TEST(StalledStderrOf, AShellStaysBlocking) {
  Liar server{honest};
  const FullPipe pipe;
  Program program{
      "client", {server.target(), "-n", "5", "-d", "1200ms", "--progress", "always"}, [&pipe] {
        pipe.become(STDERR_FILENO);
        pipe.become(STDOUT_FILENO);
      }};
  ::poll(nullptr, 0, 1'500);
  EXPECT_EQ(pipe.flags() & O_NONBLOCK, 0);
  program.signal(SIGTERM);
  EXPECT_EQ(program.end().code, 128 + SIGTERM);
  EXPECT_EQ(pipe.flags() & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace faults
