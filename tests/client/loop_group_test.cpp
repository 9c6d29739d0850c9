// Several loops that go through the phases together: shares, numbers, exceptions and stops.
#include "client/engine/loop_group.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <numeric>
#include <stdexcept>
#include <system_error>

#include "limits/usage.hpp"
#include "tests/client/loop_group_fixture.hpp"

namespace client {
namespace {

using fixtures::LoopGroupTest;

struct Share {
  std::uint64_t connections, threads;
};
constexpr Share shares[] = {{1, 1}, {1, 4}, {4, 4}, {5, 2}, {7, 3}, {64, 5}, {200, 7}};

TEST_F(LoopGroupTest, SharesDifferByOneAndNumbersHaveNoGaps) {
  for (const Share& share : shares) {
    std::vector<std::uint32_t> numbers;
    std::vector<std::uint32_t> sizes;
    for (const Plan& plan : plans(share.connections, share.threads)) {
      sizes.push_back(plan.connections);
      for (std::uint32_t i = 0; i < plan.connections; ++i) {
        numbers.push_back(plan.first + i * plan.stride);
      }
    }
    EXPECT_EQ(sizes.size(), std::min(share.threads, share.connections))
        << "no loop without a connection";
    const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
    EXPECT_LE(*most - *least, 1U);
    std::sort(numbers.begin(), numbers.end());
    std::vector<std::uint32_t> wanted(share.connections);
    std::iota(wanted.begin(), wanted.end(), 0U);
    EXPECT_EQ(numbers, wanted) << share.connections << " over " << share.threads;
  }
}

TEST_F(LoopGroupTest, UnevenSharesConnectAllAndEachSendsUnderItsOwnNumber) {
  for (const Share& share : shares) {
    serve();
    LoopGroup& group = standing(share.connections, share.threads);
    EXPECT_EQ(concurrency_.open(), share.connections);
    group.run([](Loop& loop, unsigned) {
      loop.exchange({.start = now(), .measure_from = {}, .messages = 3});
    });
    const Tally tally = ended();
    EXPECT_EQ(tally.established, share.connections);
    EXPECT_EQ(tally.total, share.connections);
    EXPECT_EQ(tally.count(Outcome::served), share.connections);
    EXPECT_EQ(tally.measured.verified, 3 * share.connections);
    EXPECT_EQ(concurrency_.open(), 0U);
    std::vector<std::uint32_t> received = numbers_received();
    std::sort(received.begin(), received.end());
    std::vector<std::uint32_t> wanted(share.connections);
    std::iota(wanted.begin(), wanted.end(), 0U);
    EXPECT_EQ(received, wanted) << share.connections << " over " << share.threads;
    group_.reset();
  }
}

/// The count of a loop when it reported an edge.
struct Crossing {
  Edge edge;
  Nanoseconds at;
  std::uint64_t echoes;
};

// Bug: the leader read the CPU clocks. It was milliseconds late when its loops kept the processor
// busy, which in a short window was some per cent of the cost per echo.
TEST_F(LoopGroupTest, ALoopReportsBothEdgesOfTheMeasuredPhaseAndCountsEchoesOnlyBetweenThem) {
  LoopGroup& made = standing(5, 1);
  std::vector<Crossing> crossings;
  Traffic traffic{.start = now()};
  // A loop that the machine keeps from running for this long sends nothing in one of the two.
  traffic.measure_from = traffic.start + std::chrono::milliseconds{300};
  traffic.stop_at = traffic.measure_from + std::chrono::milliseconds{300};
  traffic.at_edge = [&](Edge edge) {
    crossings.push_back({edge, now(), made.loop(0).tally().echoes_within});
  };
  made.run([&traffic](Loop& loop, unsigned) { loop.exchange(traffic); });
  const Tally tally = ended();
  ASSERT_EQ(crossings.size(), 2U);
  EXPECT_EQ(crossings[0].edge, Edge::opens);
  EXPECT_GE(crossings[0].at, traffic.measure_from);
  EXPECT_EQ(crossings[0].echoes, 0U);
  EXPECT_EQ(crossings[1].edge, Edge::closes);
  EXPECT_GE(crossings[1].at, traffic.stop_at);
  EXPECT_EQ(crossings[1].echoes, tally.echoes_within);
  EXPECT_GT(tally.echoes_within, 0U);
  EXPECT_GT(tally.verified(), tally.echoes_within) << "without those of the warm-up";
}

TEST_F(LoopGroupTest, ALoopThatWaitsForAnAnswerStillReportsTheEdge) {
  serve([](std::uint64_t) { return fixtures::EchoThread::Answer::none; });
  options_.timeout = std::chrono::milliseconds{500};
  LoopGroup& made = standing(1, 1);
  Crossing closed{Edge::opens, never, 0};
  Traffic traffic{.start = now()};
  traffic.measure_from = traffic.start;
  traffic.stop_at = traffic.start + std::chrono::milliseconds{20};
  traffic.at_edge = [&](Edge edge) { closed = {edge, now(), 0}; };
  made.run([&traffic](Loop& loop, unsigned) { loop.exchange(traffic); });
  EXPECT_EQ(closed.edge, Edge::closes);
  EXPECT_LT(closed.at, traffic.start + std::chrono::milliseconds{400}) << "before its timeout";
}

// Bug: a connection that had some of its echoes when the time was over neither continued nor ended;
// the run waited for its deadline.
TEST_F(LoopGroupTest, InChurnNoNumberIsUsedTwiceAndEachConnectionEnds) {
  options_.mode = Mode::churn;
  LoopGroup& made = group(7, 3);
  made.loop(0).adopt(open_first({*connector_}, std::chrono::milliseconds{0}, stop_));
  const Nanoseconds start = now();
  const Traffic traffic{.start = start,
                        .measure_from = start,
                        .stop_at = start + std::chrono::milliseconds{100},
                        .messages = 2};
  made.run([&traffic](Loop& loop, unsigned) { loop.churn(traffic); });
  const Tally tally = ended();
  EXPECT_GT(tally.total, 7U) << "otherwise this test checks nothing";
  EXPECT_EQ(tally.established, tally.total);
  EXPECT_EQ(tally.count(Outcome::served), tally.total);
  EXPECT_LE(tally.measured.verified, 2 * tally.total);
  EXPECT_GE(tally.measured.verified, 2 * tally.total - 7)
      << "the end of the time may stop the last ones early";
  EXPECT_LE(concurrency_.most(), 7U);
  std::vector<std::uint32_t> received = numbers_received();
  std::sort(received.begin(), received.end());
  EXPECT_EQ(received.size(), tally.total);
  EXPECT_EQ(std::adjacent_find(received.begin(), received.end()), received.end());
}

TEST_F(LoopGroupTest, ALoopsExceptionReachesTheLeaderWhenAllHaveFinished) {
  LoopGroup& made = group(3, 3);
  std::atomic<int> finished = 0;
  const auto fails_once = [&finished](Loop&, unsigned number) {
    if (number == 1) throw std::runtime_error("loop 1");
    ++finished;
  };
  try {
    made.run(fails_once);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "loop 1");
  }
  EXPECT_EQ(finished, 2) << "the group waited for the other loops";
  finished = 0;
  made.run([&finished](Loop&, unsigned) { ++finished; });
  EXPECT_EQ(finished, 3) << "the group can run another task";
}

TEST_F(LoopGroupTest, WaitUntilReturnsWhetherAllLoopsHaveFinished) {
  LoopGroup& made = group(2, 2);
  std::promise<void> go;
  made.start([gone = go.get_future().share()](Loop&, unsigned) { gone.wait(); });
  EXPECT_FALSE(made.wait_until(now()));
  EXPECT_FALSE(made.wait_until(now() + std::chrono::milliseconds{1}));
  go.set_value();
  made.wait();
  EXPECT_TRUE(made.wait_until(now())) << "still finished";
}

TEST_F(LoopGroupTest, AStopEndsAllLoops) {
  LoopGroup& made = standing(5, 2);
  made.start([](Loop& loop, unsigned) { loop.idle(never); });
  EXPECT_FALSE(made.wait_until(now()));
  stop_.request_drain();
  made.wait();
  EXPECT_EQ(made.stop_reason(), StopReason::interrupted);
  EXPECT_EQ(ended().count(Outcome::interrupted), 5U) << "none was complete";
}

TEST_F(LoopGroupTest, ADeadlineEndsAllLoopsAndASignalTakesPrecedence) {
  std::vector<Plan> both = plans(2, 2);
  for (Plan& plan : both) plan.deadline_at = now();
  serve();
  LoopGroup made{both, *context_, {}};
  made.run([](Loop& loop, unsigned) { loop.ramp(); });
  EXPECT_EQ(made.stop_reason(), StopReason::deadline);

  LoopGroup mixed{{both[0], plans(2, 2)[1]}, *context_, {}};
  mixed.run([this](Loop& loop, unsigned number) {
    if (number == 1) stop_.request_drain();
    loop.ramp();
  });
  EXPECT_EQ(mixed.loop(1).stop_reason(), StopReason::interrupted);
  EXPECT_EQ(mixed.stop_reason(), StopReason::interrupted) << "the more severe of the two";
}

TEST_F(LoopGroupTest, ProgressOfAllLoopsAddsUp) {
  LoopGroup& made = standing(7, 3);
  echo::Histogram latency;
  EXPECT_EQ(made.look(latency).established, 7U);
  EXPECT_EQ(made.look(latency).connected, 7U);
  made.run([](Loop& loop, unsigned) { loop.exchange({.start = now(), .messages = 2}); });
  EXPECT_EQ(made.look(latency).echoes, 14U);
  made.run([](Loop& loop, unsigned) { loop.drain(); });
  EXPECT_EQ(made.look(latency).connected, 0U);
}

// Bug: the intervals of the posts started when the loop was created, so each post came shortly
// after the leader had read the slot. The first progress line, after a second of echoes, was
// "connect, 0 echoes", and the following ones were a second late too.
TEST_F(LoopGroupTest, PostsProgressOnTheGridOfTheReader) {
  serve();
  std::vector<Plan> one = plans(1, 1);
  one[0].post_every = std::chrono::hours{1};
  const Nanoseconds on_grid = now() + std::chrono::milliseconds{300};
  one[0].post_from = on_grid - 3 * one[0].post_every;
  LoopGroup& made = group_.emplace(one, *context_, options_.cpus);
  made.loop(0).adopt(open_first({*connector_}, std::chrono::milliseconds{0}, stop_));
  made.run([](Loop& loop, unsigned) { loop.ramp(); });
  std::atomic<Nanoseconds> idle_from = never;
  made.start([&idle_from](Loop& loop, unsigned) {
    loop.idle(now());
    idle_from = now();
    loop.idle(never);
  });
  const auto was_late = [&] { return idle_from.load() != never && idle_from.load() >= on_grid; };
  echo::Histogram latency;
  const Nanoseconds give_up = on_grid + std::chrono::seconds{10};
  while (made.look(latency).phase != "idle" && now() < give_up && !was_late()) {
    made.wait_until(now() + std::chrono::milliseconds{1});
  }
  const bool posted = made.look(latency).phase == "idle";
  stop_.request_drain();
  made.wait();
  if (!posted && was_late()) GTEST_SKIP() << "the machine was too slow to be idle by then";
  EXPECT_TRUE(posted) << "in 300 ms, not in an hour";
}

TEST_F(LoopGroupTest, RunsWhereItWasPinned) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  unsigned cpu = 0;
  while (cpu < 1023 && !CPU_ISSET(cpu, &allowed)) ++cpu;
  options_.cpus = {cpu};
  LoopGroup& made = group(3, 3);
  std::atomic<int> elsewhere = 0;
  made.run([&elsewhere, cpu](Loop&, unsigned) {
    if (static_cast<unsigned>(::sched_getcpu()) != cpu) ++elsewhere;
  });
  EXPECT_EQ(elsewhere, 0);
}

TEST_F(LoopGroupTest, AMissingProcessorIsReported) {
  serve();
  try {
    LoopGroup made{plans(2, 2), *context_, {1'023}};
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("--cpus: 1023"), std::string::npos) << error.what();
  }
}

// Each thread closes its loop's descriptors in its own table: those with the same numbers in the
// table of the process are other files.
TEST_F(LoopGroupTest, LoopsWithTablesOfTheirOwnLeaveTheProcessItsDescriptors) {
#if defined(TESTBED_SANITIZES_THREAD)
  GTEST_SKIP() << "the thread sanitizer takes one number in two tables for one descriptor";
#endif
  constexpr std::uint64_t connections = 100;
  constexpr std::uint64_t loops = 5;
  serve();
  std::vector<int> of_the_process(connections);
  for (int& fd : of_the_process) fd = ::dup(STDERR_FILENO);
  group_.emplace(plans(connections, loops), *context_, std::vector<unsigned>{}, true);
  group_->loop(0).adopt(open_first({*connector_}, std::chrono::milliseconds{0}, stop_));
  group_->run([](Loop& loop, unsigned) { loop.ramp(); });
  group_->run([](Loop& loop, unsigned) {
    loop.exchange({.start = now(), .measure_from = {}, .messages = 3});
  });
  const auto tables = limits::descriptor_tables(::getpid(), 1'000);
  group_->run([](Loop& loop, unsigned) { loop.drain(); });
  group_->finish();
  const Tally tally = group_->tally();
  EXPECT_EQ(tally.count(Outcome::served), connections);
  EXPECT_EQ(tally.measured.verified, 3 * connections);
  EXPECT_EQ(group_->stop_reason(), StopReason::none);
  EXPECT_EQ(group_->stopped_at(), never);
  if (tables) {
    EXPECT_EQ(tables->size(), loops);
  }
  for (const int fd : of_the_process) EXPECT_EQ(::close(fd), 0) << fd;
}

TEST_F(LoopGroupTest, ALoopThatCannotBeMadeIsReported) {
  serve();
  const std::vector<Plan> two = plans(4, 2);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(STDERR_FILENO);
  ::close(next);
  const rlimit none_left{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  EXPECT_THROW(group_.emplace(two, *context_, std::vector<unsigned>{}), std::system_error);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace client
