// When the next connection may be opened: the window, setting a window aside, and giving up on a
// server that never answers.
#include "client/schedule/ramp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds early{0};
constexpr milliseconds late{1'000};

/// "128s 3t": 128 started, 3 timed out. e: established, f: failed.
void apply(Ramp& ramp, const std::string& events) {
  for (std::size_t at = 0; at < events.size();) {
    std::size_t digits = 0;
    const unsigned long count = std::stoul(events.substr(at), &digits);
    const char event = events.at(at + digits);
    for (unsigned long i = 0; i < count; ++i) {
      if (event == 's') ramp.started();
      if (event == 'e') ramp.established();
      if (event == 'f') ramp.failed();
      if (event == 't') ramp.timed_out();
    }
    at = std::min(events.size(), at + digits + 2);
  }
}

struct Row {
  const char* what;
  std::uint64_t total;
  const char* events;
  std::uint64_t room;
  bool hopeless;
  bool finished;
};

constexpr Row rows[] = {
    {"nothing begun: a window may start", 10'000, "", 128, false, false},
    {"fewer are wanted than the window holds", 3, "", 3, false, false},
    {"the window fills", 10'000, "127s", 1, false, false},
    {"the window is full", 10'000, "128s", 0, false, false},
    {"one established makes room for one", 10'000, "128s 1e", 1, false, false},
    {"one refused makes room for one", 10'000, "128s 1f", 1, false, false},
    {"a silent window: none more until it is decided", 10'000, "128s 1t", 0, false, false},
    {"a silent window is completed first", 10'000, "100s 1t", 28, false, false},
    {"all but one of a window timed out", 10'000, "128s 127t", 0, false, false},
    {"the whole window timed out: the rest is not tried", 10'000, "128s 128t", 0, true, true},
    {"fewer than a window, all timed out", 3, "3s 3t", 0, true, true},
    {"one of the window was established after all", 10'000, "128s 127t 1e", 128, false, false},
    {"a refusal is an answer: continue", 10'000, "128s 127t 1f", 128, false, false},
    {"established once, timeouts are single failures", 10'000, "128s 1e 127t", 128, false, false},
    {"the last ones are in flight", 130, "128s 128e 2s", 0, false, false},
    {"each has succeeded or failed", 130, "128s 128e 2s 1e 1f", 0, false, true},
    {"all were refused: finished, but not hopeless", 2, "2s 2f", 0, false, true},
};

TEST(Ramp, OpensAsManyAsTheTableAllows) {
  for (const Row& row : rows) {
    Ramp ramp{row.total};
    apply(ramp, row.events);
    EXPECT_EQ(ramp.room(early), row.room) << row.what;
    EXPECT_EQ(ramp.hopeless(), row.hopeless) << row.what;
    EXPECT_EQ(ramp.finished(), row.finished) << row.what;
  }
}

// In churn the number of connections is unlimited, but the number open simultaneously is not. If
// that number is less than a window, the ramp gives up on a silent server after as many timeouts.
TEST(Ramp, InChurnOpensAsManyAsMayBeOpenSimultaneously) {
  constexpr std::uint64_t endless = UINT64_MAX;
  struct Of {
    const char* what;
    std::uint64_t at_once;
    const char* events;
    std::uint64_t room;
    bool hopeless;
  };
  const Of few[] = {
      {"nothing begun", 5, "", 5, false},
      {"all begun", 5, "5s", 0, false},
      {"one timed out", 5, "5s 1t", 0, false},
      {"all timed out", 5, "5s 5t", 0, true},
      {"all refused: tried again, the caller delays it", 5, "5s 5f", 128, false},
      {"one established: the window applies, the caller has no free entry", 5, "5s 1e", 124, false},
      {"established once, never hopeless", 5, "6s 1e 5t", 128, false},
      {"more than a window: a window decides", 1'000, "128s 128t", 0, true},
      {"one refused among those that timed out", 5, "5s 4t 1f", 128, false},
  };
  for (const Of& row : few) {
    Ramp ramp{endless, row.at_once};
    apply(ramp, row.events);
    EXPECT_EQ(ramp.room(early), row.room) << row.what;
    EXPECT_EQ(ramp.hopeless(), row.hopeless) << row.what;
    EXPECT_EQ(ramp.finished(), row.hopeless) << row.what;
  }
}

TEST(Ramp, SetsAFullUnansweredWindowAsideAndHalvesIt) {
  Ramp ramp{10'000};
  apply(ramp, "129s 1e");  // the server answers, then its accept queue overflows
  EXPECT_EQ(ramp.room(early), 0U);
  EXPECT_EQ(ramp.next_check(), early + Ramp::patience);
  EXPECT_EQ(ramp.room(early + Ramp::patience - milliseconds{1}), 0U);
  EXPECT_EQ(ramp.room(early + Ramp::patience), 64U);
  EXPECT_EQ(ramp.window(), 64U);
  EXPECT_EQ(ramp.next_check(), std::nullopt);
}

TEST(Ramp, TheWindowShrinksToItsMinimumAndInFlightGrowsToItsMaximum) {
  Ramp ramp{100'000};
  apply(ramp, "1s 1e");
  milliseconds at{0};
  for (int round = 0; round < 1'000; ++round, at += late) {
    for (std::uint64_t room = ramp.room(at); room > 0; --room) ramp.started();
  }
  EXPECT_EQ(ramp.window(), Ramp::least_window);
  EXPECT_EQ(ramp.in_flight(), Ramp::most_in_flight);
}

TEST(Ramp, TheWindowGrowsIfAnswersOnlyTakeLong) {
  Ramp ramp{100'000};
  apply(ramp, "1s 1e 128s");
  milliseconds at{0};
  for (int answer = 0; answer < 100; ++answer, at += milliseconds{1}) {
    EXPECT_EQ(ramp.room(at), 0U) << "full";
    ramp.established();
    for (std::uint64_t room = ramp.room(at); room > 0; --room) ramp.started();
  }
  EXPECT_GT(ramp.window(), Ramp::first_window);
}

TEST(Ramp, AServerThatNeverAnsweredIsWaitedFor) {
  Ramp ramp{10'000};
  apply(ramp, "128s");
  EXPECT_EQ(ramp.room(early), 0U);
  EXPECT_EQ(ramp.room(late), 0U);
  EXPECT_EQ(ramp.next_check(), std::nullopt);
}

// Bug: each timeout in the first window made room for another connect, so a silent server cost two
// windows and twice the time.
TEST(Ramp, ASilentServerCostsOneWindow) {
  Ramp ramp{10'000};
  std::uint64_t attempts = 0;
  while (!ramp.finished()) {
    for (std::uint64_t room = ramp.room(late); room > 0; --room, ++attempts) ramp.started();
    ramp.timed_out();
  }
  EXPECT_EQ(attempts, Ramp::first_window);
  EXPECT_EQ(ramp.not_attempted(), 10'000U - Ramp::first_window);
}

}  // namespace
}  // namespace client
