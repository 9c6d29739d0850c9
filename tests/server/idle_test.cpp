#include "server/idle.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace server {
namespace {

using namespace std::chrono_literals;

/// Ticks after which a connection is idle; 0 if it is not after `most`.
unsigned ticks_until_expired(IdleClock clock, unsigned most) {
  const IdleClock::Tick last = clock.now();
  for (unsigned tick = 1; tick <= most; ++tick) {
    clock.advance();
    if (clock.expired(last)) return tick;
  }
  return 0;
}

TEST(IdleClock, ATimeoutIsEightTicksAndOneMore) {
  EXPECT_EQ(ticks_until_expired(IdleClock{8s}, 100), 9U);
  EXPECT_EQ(ticks_until_expired(IdleClock{1s, 800ms}, 100), 11U);     // of 100 ms
  EXPECT_EQ(ticks_until_expired(IdleClock{950ms, 800ms}, 100), 11U);  // rounded up
}

TEST(IdleClock, ATimeoutOfMoreTicksThanFitDoesNotEndEarly) {
  // 2^32 ticks of 10 ms, and 4 more: the number of ticks was cut to 4.
  EXPECT_EQ(ticks_until_expired(IdleClock{42949673s, 10ms}, 1000), 0U);
}

TEST(IdleClock, TheLongestTimeoutDoesNotOverflow) {
  EXPECT_EQ(ticks_until_expired(IdleClock{std::chrono::nanoseconds::max()}, 8), 0U);
  EXPECT_EQ(ticks_until_expired(IdleClock{std::chrono::nanoseconds::max(), 1s}, 1000), 0U);
  // The sum with the period, which was over the range: negative, and so of almost 2^32 ticks.
  EXPECT_EQ(ticks_until_expired(IdleClock{106000 * 24h}, 100), 9U);
}

}  // namespace
}  // namespace server
