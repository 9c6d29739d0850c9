// Waits with the kernel's timer resolution, with epoll_pwait2 and without it.
#include "client/engine/precise_epoll.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <chrono>

namespace client {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

class WaitsBy : public ::testing::TestWithParam<bool> {
 protected:
  WaitsBy() {
    if (GetParam()) epoll_.use_timer();
    epoll_.watch(ready_.get(), EPOLLIN | EPOLLET, 7);
  }
  int wait(nanoseconds timeout) { return epoll_.wait(events_, timeout); }

  PreciseEpoll epoll_;
  echo::Descriptor ready_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::array<epoll_event, 4> events_{};
};
INSTANTIATE_TEST_SUITE_P(CallOrTimer, WaitsBy, ::testing::Bool(),
                         [](const auto& by) { return by.param ? "TheTimer" : "TheCall"; });

TEST_P(WaitsBy, NeverEndsBeforeItsTimeoutAndThenReturnsNoEvent) {
  for (const nanoseconds timeout :
       {nanoseconds{1}, nanoseconds{microseconds{300}}, nanoseconds{microseconds{2'500}}}) {
    const auto begun = Clock::now();
    EXPECT_EQ(wait(timeout), 0);
    EXPECT_GE(Clock::now() - begun, timeout);
  }
}

TEST_P(WaitsBy, ReturnsReadyDescriptorsButNotTheTimer) {
  ::eventfd_write(ready_.get(), 1);
  ASSERT_EQ(wait(seconds{5}), 1);
  EXPECT_EQ(events_[0].data.u32, 7U);
  // The timer of the previous wait must neither end this one early nor appear among its events.
  EXPECT_EQ(wait(microseconds{200}), 0);
  ::eventfd_write(ready_.get(), 1);
  ASSERT_EQ(wait(seconds{5}), 1);
  EXPECT_EQ(events_[0].data.u32, 7U);
}

TEST_P(WaitsBy, PollsOnceWithoutWaiting) {
  EXPECT_EQ(wait(nanoseconds{0}), 0);
  ::eventfd_write(ready_.get(), 1);
  EXPECT_EQ(wait(nanoseconds{0}), 1);
}

}  // namespace
}  // namespace client
