// How far two clocks are apart, from round trips.
#include "client/result/clock_offset.hpp"

#include <gtest/gtest.h>

namespace client {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// A round trip at `sent` on a clock that is `ahead` of the other.
RoundTrip trip(Nanoseconds sent, Nanoseconds there, Nanoseconds back, Nanoseconds ahead) {
  return {sent, sent + there - ahead, sent + there + back};
}

TEST(ClockOffset, IsThatOfTheShortestRoundTrip) {
  const Nanoseconds ahead = hours{25};
  const auto found = offset_of({trip(hours{30}, milliseconds{4}, microseconds{30}, ahead),
                                trip(hours{31}, microseconds{10}, microseconds{10}, ahead),
                                trip(hours{32}, microseconds{20}, milliseconds{1}, ahead)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->offset, ahead);
  EXPECT_EQ(found->bound, microseconds{10});
  EXPECT_EQ(found->at, hours{31} + microseconds{10});
}

TEST(ClockOffset, LiesWithinItsBoundHoweverUnevenTheWays) {
  for (const Nanoseconds ahead : {Nanoseconds{-hours{9}}, Nanoseconds{0}, Nanoseconds{hours{9}}}) {
    for (int there = 0; there <= 21; ++there) {
      const auto found =
          offset_of({trip(hours{10}, Nanoseconds{there}, Nanoseconds{21 - there}, ahead)});
      ASSERT_TRUE(found);
      EXPECT_LE(std::chrono::abs(found->offset - ahead), found->bound) << there;
      EXPECT_EQ(found->bound, Nanoseconds{11});  // half of 21, rounded up
    }
  }
}

TEST(ClockOffset, IsUnknownWithoutARoundTrip) {
  EXPECT_FALSE(offset_of({}));
}

TEST(ClockOffset, IsInterpolatedBetweenTwoMeasurements) {
  const ClockOffset before{Nanoseconds{1000}, Nanoseconds{10}, Nanoseconds{100}};
  const ClockOffset after{Nanoseconds{2000}, Nanoseconds{30}, Nanoseconds{300}};
  struct Case {
    int at, offset;
  };
  for (const auto& [at, offset] :
       {Case{0, 1000}, Case{100, 1000}, Case{150, 1250}, Case{300, 2000}, Case{900, 2000}}) {
    const ClockOffset found = offset_at(before, after, Nanoseconds{at});
    EXPECT_EQ(found.offset, Nanoseconds{offset}) << at;
    EXPECT_EQ(found.bound, Nanoseconds{30}) << "the larger one";
    EXPECT_EQ(found.at, Nanoseconds{at});
  }
}

TEST(ClockOffset, IsThatOfTheFirstIfBothWereMeasuredAtOnce) {
  const ClockOffset before{Nanoseconds{5}, Nanoseconds{1}, Nanoseconds{100}};
  const ClockOffset after{Nanoseconds{9}, Nanoseconds{1}, Nanoseconds{100}};
  EXPECT_EQ(offset_at(before, after, Nanoseconds{100}).offset, Nanoseconds{5});
}

}  // namespace
}  // namespace client
