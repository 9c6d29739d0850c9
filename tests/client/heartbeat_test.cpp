// The absences of the client's process: found in the beats, clipped to a window.
#include "client/measure/heartbeat.hpp"

#include <gtest/gtest.h>

namespace client {
namespace {

using std::chrono::milliseconds;

TEST(Heartbeat, ABeatInTimeIsNoAbsence) {
  Heartbeat heartbeat{milliseconds{0}};
  heartbeat.beat(milliseconds{50});
  heartbeat.beat(milliseconds{150});  // 50 ms late, which a busy machine does
  const Absences away = heartbeat.within(milliseconds{0}, milliseconds{200});
  EXPECT_EQ(away.count, 0U);
  EXPECT_EQ(away.sum, milliseconds{0});
}

TEST(Heartbeat, CountsFromWhenTheBeatWasDue) {
  Heartbeat heartbeat{milliseconds{0}};
  heartbeat.beat(milliseconds{1'050});
  heartbeat.beat(milliseconds{1'100});
  heartbeat.beat(milliseconds{1'450});
  const Absences away = heartbeat.within(milliseconds{0}, milliseconds{1'500});
  EXPECT_EQ(away.count, 2U);
  EXPECT_EQ(away.sum, milliseconds{1'300});
  EXPECT_EQ(away.longest, milliseconds{1'000});
}

TEST(Heartbeat, ClipsAnAbsenceToTheWindow) {
  Heartbeat heartbeat{milliseconds{0}};
  heartbeat.beat(milliseconds{1'050});  // away from 50 to 1,050
  const struct {
    int from, to, away;
  } rows[] = {
      {0, 1'100, 1'000}, {550, 1'100, 500}, {0, 100, 50}, {200, 300, 100}, {1'050, 1'100, 0}};
  for (const auto& row : rows) {
    EXPECT_EQ(heartbeat.within(milliseconds{row.from}, milliseconds{row.to}).sum,
              milliseconds{row.away})
        << row.from << " to " << row.to;
  }
}

// After SIGCONT a loop may run before the thread of the heartbeat does.
TEST(Heartbeat, SeesAnAbsenceThatEndsNow) {
  Heartbeat heartbeat{milliseconds{0}};
  heartbeat.beat(milliseconds{50});
  EXPECT_EQ(heartbeat.within(milliseconds{0}, milliseconds{1'100}).sum, milliseconds{1'000});
  EXPECT_EQ(heartbeat.within(milliseconds{0}, milliseconds{150}).count, 0U);
}

}  // namespace
}  // namespace client
