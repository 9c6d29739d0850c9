// When a loop scans for waits that took too long, and which did.
#include "client/engine/timeouts.hpp"

#include <gtest/gtest.h>

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Timeouts, TheNextScanIsDueWhenTheOldestWaitExpires) {
  Timeouts timeouts{seconds{5}, seconds{10}, nullptr};
  timeouts.begin_scan(seconds{20});
  EXPECT_TRUE(timeouts.message_expires(seconds{10}, seconds{20}));
  EXPECT_FALSE(timeouts.message_expires(seconds{13}, seconds{20}));
  EXPECT_FALSE(timeouts.message_expires(seconds{12}, seconds{20}));
  EXPECT_TRUE(timeouts.connect_expires(seconds{15}, seconds{20}));
  EXPECT_FALSE(timeouts.connect_expires(seconds{19}, seconds{20}));
  timeouts.end_scan(seconds{20});
  EXPECT_EQ(timeouts.next_scan(), Nanoseconds{seconds{22}});
}

TEST(Timeouts, WithoutWaitsTheNextScanIsAShortestTimeoutLater) {
  Timeouts timeouts{seconds{5}, seconds{10}, nullptr};
  timeouts.begin_scan(seconds{1});
  timeouts.end_scan(seconds{1});
  EXPECT_EQ(timeouts.next_scan(), Nanoseconds{seconds{6}});
  timeouts.connect_begun(milliseconds{500});
  EXPECT_EQ(timeouts.next_scan(), Nanoseconds{milliseconds{5'500}}) << "a connect begun before";
  timeouts.connect_begun(seconds{2});
  EXPECT_EQ(timeouts.next_scan(), Nanoseconds{milliseconds{5'500}});
}

TEST(Timeouts, AScanIsFollowedByAPause) {
  Timeouts timeouts{seconds{5}, milliseconds{2'560}, nullptr};
  timeouts.begin_scan(seconds{10});
  EXPECT_FALSE(timeouts.message_expires(milliseconds{7'441}, seconds{10}));
  timeouts.end_scan(seconds{10});
  EXPECT_EQ(timeouts.next_scan(), Nanoseconds{milliseconds{10'010}});
}

TEST(Timeouts, TimeInWhichTheClientDidNotRunDoesNotCount) {
  Heartbeat heartbeat{Nanoseconds{0}};
  heartbeat.beat(milliseconds{50});
  heartbeat.beat(seconds{3});  // away from 100 ms on
  Timeouts timeouts{seconds{1}, seconds{1}, &heartbeat};
  timeouts.begin_scan(seconds{3});
  EXPECT_FALSE(timeouts.message_expires(Nanoseconds{0}, seconds{3}));
  Timeouts shorter{seconds{1}, milliseconds{100}, &heartbeat};
  EXPECT_TRUE(shorter.message_expires(Nanoseconds{0}, seconds{3})) << "100 ms of the 3 s count";
}

}  // namespace
}  // namespace client
