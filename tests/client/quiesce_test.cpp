// The wait between two rounds: its condition with given times, and its bound and stop on the real
// clock.
#include "client/measure/quiesce.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "echo/socket.hpp"

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Quiesce, NeedsStableMemoryAndFewSocketsInTimeWait) {
  struct Look {
    int at_ms;
    std::optional<std::uint64_t> resident, time_wait;
    bool reached;
  };
  const struct {
    const char* claim;
    std::vector<Look> looks;
  } rows[] = {
      {"memory is stable from the start",
       {{0, 100, 5, false}, {199, 100, 5, false}, {200, 100, 5, true}}},
      {"a change restarts the wait",
       {{0, 100, 5, false}, {190, 96, 5, false}, {380, 96, 5, false}, {390, 96, 5, true}}},
      {"TIME_WAIT is waited for",
       {{0, 100, 11, false}, {500, 100, 11, false}, {520, 100, 10, true}}},
      {"an unknown server is not waited for", {{0, std::nullopt, 10, true}}},
      {"an unknown TIME_WAIT is not waited for",
       {{0, 100, std::nullopt, false}, {200, 100, std::nullopt, true}}},
  };
  for (const auto& row : rows) {
    QuiesceCheck check{10};
    for (const Look& look : row.looks) {
      EXPECT_EQ(check.reached(milliseconds{look.at_ms}, look.resident, look.time_wait),
                look.reached)
          << row.claim << ", at " << look.at_ms << " ms";
    }
  }
}

struct ThisProcess {
  echo::Endpoint nowhere = echo::resolve("127.0.0.1", 1).front();
  Connector connector{{nowhere}, Sources{}};
  Observer observer{connector, ::getpid()};
  echo::Stop stop;
};

TEST(Quiesce, HasABound) {
  ThisProcess here;
  const auto begun = std::chrono::steady_clock::now();
  const Quiesced seen = quiesce(here.observer, 0, milliseconds{30}, here.stop);
  EXPECT_FALSE(seen.settled) << "nothing is stable for 200 ms within 30 ms";
  EXPECT_GE(seen.took, milliseconds{30});
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds{10});
}

TEST(Quiesce, EndsWithTheStop) {
  ThisProcess here;
  here.stop.request_drain();
  const Quiesced seen = quiesce(here.observer, 0, std::chrono::hours{1}, here.stop);
  EXPECT_FALSE(seen.settled);
}

}  // namespace
}  // namespace client
