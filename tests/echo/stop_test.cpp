// The stop, as seen by threads, loops and forked children, and the signals that request it.
#include "echo/stop.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "tests/echo/in_child.hpp"

namespace echo {
namespace {

using namespace std::chrono_literals;

/// Whether `fd` becomes readable within five seconds.
bool becomes_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 5000) == 1;
}

/// From now on poll(2) fails with ENOMEM in this process. False where filters are not allowed.
bool fail_poll() {
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_poll, 1, 0),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ppoll, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{sizeof code / sizeof code[0], code};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Whether `holds` within five seconds; it does not call poll(2).
template <typename Condition>
bool comes_true(const Condition& holds) {
  for (int i = 0; i < 1000 && !holds(); ++i) std::this_thread::sleep_for(5ms);
  return holds();
}

TEST(Stop, IsNotRequestedAtFirst) {
  const Stop stop;
  EXPECT_FALSE(stop.draining());
  EXPECT_FALSE(stop.forced());
}

TEST(Stop, DrainsWithoutForcing) {
  Stop stop;
  for (int times = 0; times < 3; ++times) {
    stop.request_drain();
    EXPECT_TRUE(stop.draining());
    EXPECT_FALSE(stop.forced());
  }
}

TEST(Stop, DrainsWhenItForces) {
  Stop stop;
  stop.request_force();
  EXPECT_TRUE(stop.forced());
  EXPECT_TRUE(stop.draining());
}

TEST(Stop, WakesEveryThreadThatWaits) {
  Stop stop;
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { woken += becomes_readable(stop.drain_fd()) ? 1 : 0; });
  }
  stop.request_drain();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(woken, 8);
}

TEST(Stop, IsSeenAndRequestedByAForkedChild) {
  Stop stop;
  stop.request_drain();
  EXPECT_EQ(fixtures::in_child([&stop] {
              if (!becomes_readable(stop.drain_fd())) return 1;
              if (stop.forced()) return 2;
              stop.request_force();
              return 0;
            }),
            0);
  EXPECT_TRUE(stop.forced());
}

TEST(SignalWatch, DrainsOnTheFirstSignalAndForcesOnTheSecond) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    const int failed_step = fixtures::in_child([number] {
      Stop stop;
      SignalWatch watch{stop, 1h};
      ::kill(::getpid(), number);
      if (!becomes_readable(stop.drain_fd())) return 1;
      if (stop.forced()) return 2;
      ::kill(::getpid(), number == SIGINT ? SIGTERM : SIGINT);
      if (!becomes_readable(stop.force_fd())) return 3;
      watch.finish();
      return watch.signal() == number ? 0 : 4;
    });
    EXPECT_EQ(failed_step, 0) << ::strsignal(number);
  }
}

// kill(2) signals the process whichever thread's id it is given, so signalfd sees the signal. A
// signal that tgkill(2) sends to one thread stays pending there: signalfd(2) reads only those of
// the reading thread.
TEST(SignalWatch, TakesASignalSentToTheIdOfAnotherThread) {
  const int failed_step = fixtures::in_child([] {
    Stop stop;
    SignalWatch watch{stop, 1h};
    bool woken = false;
    std::thread other([&] {
      ::kill(::gettid(), SIGTERM);
      woken = becomes_readable(stop.drain_fd());
    });
    other.join();
    return woken ? 0 : 1;
  });
  EXPECT_EQ(failed_step, 0);
}

TEST(SignalWatch, ForcesWhenTheDrainTakesTooLong) {
  const int failed_step = fixtures::in_child([] {
    Stop stop;
    const auto began = std::chrono::steady_clock::now();
    SignalWatch watch{stop, 50ms};
    ::kill(::getpid(), SIGTERM);
    if (!becomes_readable(stop.force_fd())) return 1;
    if (std::chrono::steady_clock::now() - began < 50ms) return 2;
    watch.finish();
    return watch.signalled_at() >= began ? 0 : 3;
  });
  EXPECT_EQ(failed_step, 0);
}

TEST(SignalWatch, ForcesImmediatelyWithoutADrainTime) {
  EXPECT_EQ(fixtures::in_child([] {
              Stop stop;
              SignalWatch watch{stop, 0s};
              ::kill(::getpid(), SIGINT);
              return becomes_readable(stop.force_fd()) ? 0 : 1;
            }),
            0);
}

TEST(SignalWatch, AcceptsADrainTimeOfCenturies) {
  EXPECT_EQ(fixtures::in_child([] {
              Stop stop;
              SignalWatch watch{stop, std::chrono::nanoseconds::max()};
              ::kill(::getpid(), SIGINT);
              if (!becomes_readable(stop.drain_fd())) return 1;
              watch.finish();
              return stop.forced() ? 2 : 0;
            }),
            0);
}

TEST(SignalWatch, LeavesAHangupIgnoredThatWasIgnoredAtTheStart) {
  const int failed_step = fixtures::in_child([] {
    ::signal(SIGHUP, SIG_IGN);  // nohup(1)
    Stop stop;
    SignalWatch watch{stop, 1h};
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGTERM);
    if (!becomes_readable(stop.drain_fd())) return 1;
    watch.finish();
    return watch.signal() == SIGTERM && !stop.forced() ? 0 : 2;
  });
  EXPECT_EQ(failed_step, 0);
}

// A shell without job control starts `command &` with SIGINT ignored; kill -INT still stops it.
TEST(SignalWatch, TakesAnInterruptThatWasIgnoredAtTheStart) {
  const int failed_step = fixtures::in_child([] {
    ::signal(SIGINT, SIG_IGN);
    Stop stop;
    SignalWatch watch{stop, 1h};
    ::kill(::getpid(), SIGINT);
    return becomes_readable(stop.drain_fd()) ? 0 : 1;
  });
  EXPECT_EQ(failed_step, 0);
}

// The shell passes SIGHUP on to its jobs, and the kernel sends it again when the shell ends.
TEST(SignalWatch, TakesTwoSignalsOfOneHangupAsOne) {
  const int failed_step = fixtures::in_child([] {
    Stop stop;
    SignalWatch watch{stop, 1h};
    ::kill(::getpid(), SIGHUP);
    if (!becomes_readable(stop.drain_fd())) return 1;
    const auto first = std::chrono::steady_clock::now();
    ::kill(::getpid(), SIGHUP);
    std::this_thread::sleep_for(20ms);
    if (stop.forced() && std::chrono::steady_clock::now() - first < 150ms) return 2;
    std::this_thread::sleep_for(250ms);
    ::kill(::getpid(), SIGHUP);
    return becomes_readable(stop.force_fd()) ? 0 : 3;
  });
  EXPECT_EQ(failed_step, 0);
}

TEST(SignalWatch, TakesSignalsWhilePollFails) {
  const int failed_step = fixtures::in_child([] {
    if (!fail_poll()) return 0;
    Stop stop;
    SignalWatch watch{stop, 1h};
    ::kill(::getpid(), SIGTERM);
    if (!comes_true([&] { return stop.draining(); })) return 1;
    ::kill(::getpid(), SIGTERM);
    if (!comes_true([&] { return stop.forced(); })) return 2;
    watch.finish();
    return watch.signal() == SIGTERM ? 0 : 3;
  });
  EXPECT_EQ(failed_step, 0);
}

TEST(SignalWatch, EndsWithoutASignal) {
  EXPECT_EQ(fixtures::in_child([] {
              Stop stop;
              SignalWatch watch{stop, 1s};
              watch.finish();
              watch.finish();
              return watch.signal() == 0 && !stop.draining() ? 0 : 1;
            }),
            0);
}

TEST(SignalWatch, MakesAWriteToAClosedPipeAnError) {
  EXPECT_EQ(fixtures::in_child([] {
              Stop stop;
              SignalWatch watch{stop, 1s};
              int ends[2];
              if (::pipe(ends) != 0) return 1;
              ::close(ends[0]);
              return ::write(ends[1], "x", 1) == -1 && errno == EPIPE ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace echo
