// The schedule of an open loop: a pure function of the index and of the time that has passed.
#include "client/pace.hpp"

#include <gtest/gtest.h>

namespace client {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::uint64_t plenty = 1ULL << 60U;

struct Due {
  double per_second;
  std::uint64_t index;
  nanoseconds due;
};

constexpr Due schedule[] = {
    {1, 0, seconds{0}},                          // the first is due at once, at every rate
    {0.001, 0, seconds{0}},                      //
    {1, 1, seconds{1}},                          // evenly spaced from there
    {1'000, 250, milliseconds{250}},             //
    {0.001, 3, seconds{3'000}},                  // slower than one a second
    {0.5, 7, seconds{14}},                       //
    {3, 1, nanoseconds{333'333'333}},            // thirds are rounded to the nanosecond,
    {3, 2, nanoseconds{666'666'667}},            // the nearest one,
    {3, 3'000'000'000, seconds{1'000'000'000}},  // and the rounding does not add up
    {7, 7'000'000, seconds{1'000'000}},          //
    {1e9, 1, nanoseconds{1}},                    // one a nanosecond
    {1e6, 86'400'000'000, hours{24}},            // a day of a million a second
};

TEST(Pace, GivesEachMessageItsTime) {
  for (const Due& row : schedule) {
    EXPECT_EQ(Pace::at_rate(row.per_second).due(row.index), row.due)
        << "message " << row.index << " at " << row.per_second << "/s";
  }
}

struct DueBy {
  double per_second;
  nanoseconds elapsed;
  std::uint64_t total;
  std::uint64_t due;
};

constexpr DueBy progress[] = {
    {100, seconds{-1}, 500, 0},             // before the start nothing is due
    {100, seconds{0}, 500, 1},              // at the start the first
    {100, nanoseconds{9'999'999}, 500, 1},  // one nanosecond before the second
    {100, milliseconds{10}, 500, 2},        // the second
    {100, seconds{1}, 500, 101},            // 0 s and 1 s both count
    {100, seconds{5}, 500, 500},            // never more than there are
    {100, hours{1}, 500, 500},              //
    {0.001, seconds{999}, 500, 1},          //
    {0.001, seconds{1'000}, 500, 2},        //
    {3, nanoseconds{666'666'666}, 500, 2},  // where the rounding of due() decides
    {3, nanoseconds{666'666'667}, 500, 3},  //
};

TEST(Pace, TellsHowManyAreDueBy) {
  for (const DueBy& row : progress) {
    EXPECT_EQ(Pace::at_rate(row.per_second).due_by(row.elapsed, row.total), row.due)
        << row.elapsed.count() << " ns at " << row.per_second << "/s";
  }
}

TEST(Pace, DueAndDueByAgreeToTheNanosecond) {
  for (const double rate :
       {0.001, 0.3, 1.0, 3.0, 7.0, 59.94, 1'000.0 / 3, 12'345.678, 1e6, 1e9 / 7, 1e9}) {
    const Pace pace = Pace::at_rate(rate);
    const std::uint64_t a_year = pace.due_by(hours{24 * 365}, 1'000'000'000);
    for (std::uint64_t index = 1; index < a_year; index = index * 3 + 1) {
      if (pace.due(index) > hours{24 * 365 * 100}) break;  // beyond, it is never due
      for (const int shift : {-1, 0, 1}) {
        const nanoseconds at = pace.due(index) + nanoseconds{shift};
        const std::uint64_t count = pace.due_by(at, plenty);
        EXPECT_TRUE(count == 0 || pace.due(count - 1) <= at)
            << rate << "/s, " << at.count() << " ns";
        EXPECT_GT(pace.due(count), at) << rate << "/s, " << at.count() << " ns";
      }
    }
  }
}

TEST(Pace, NeverGetsToAMessageThatIsDueAfterTheClocksEnd) {
  const Pace pace = Pace::at_rate(0.001);
  EXPECT_EQ(pace.due(1'000'000'000'000), Pace::never);
  EXPECT_LT(pace.due_by(nanoseconds::max(), plenty), 10'000'000U);
}

TEST(Pace, SendsAtOnceWhenBehind) {
  const Pace pace = Pace::at_rate(1'000);
  const std::uint64_t sent = pace.due_by(milliseconds{100}, plenty);
  // A stall of a second: everything that became due meanwhile is due now, each from its own time.
  EXPECT_EQ(pace.due_by(milliseconds{1'100}, plenty) - sent, 1'000U);
  EXPECT_EQ(pace.due(sent), milliseconds{101});
}

TEST(Pace, OfABurstIsAllAtOnce) {
  const Pace pace = Pace::burst();
  EXPECT_TRUE(pace.is_burst());
  EXPECT_FALSE(Pace::at_rate(0.001).is_burst());
  EXPECT_EQ(pace.due(1'000'000), nanoseconds{0});
  EXPECT_EQ(pace.due_by(nanoseconds{0}, 10'000), 10'000U);
}

}  // namespace
}  // namespace client
