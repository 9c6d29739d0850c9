// The counters of a server: each accepted connection is closed or open, and forked workers write to
// the same counters.
#include "server/counters.hpp"

#include <gtest/gtest.h>

#include <barrier>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/echo/in_child.hpp"

namespace server {
namespace {

TEST(Counters, BeginAtZero) {
  const Counters counters{3};
  EXPECT_EQ(counters.workers(), 3U);
  EXPECT_EQ(counters.accepted() + counters.closed() + counters.open() + counters.max_open(), 0U);
  EXPECT_EQ(counters.messages() + counters.bytes(), 0U);
}

TEST(Counters, AcceptedIsClosedPlusOpen) {
  Counters counters{2};
  struct Step {
    bool opens;
    unsigned worker;
    std::uint64_t open, max;
  };
  constexpr Step steps[] = {{true, 0, 1, 1},  {true, 1, 2, 2},  {false, 0, 1, 2},
                            {true, 1, 2, 2},  {true, 0, 3, 3},  {false, 1, 2, 3},
                            {false, 1, 1, 3}, {false, 0, 0, 3}, {true, 0, 1, 3}};
  for (const Step& step : steps) {
    step.opens ? counters.opened(step.worker) : counters.closed(step.worker);
    EXPECT_EQ(counters.open(), step.open);
    EXPECT_EQ(counters.max_open(), step.max);
    EXPECT_EQ(counters.accepted(), counters.closed() + counters.open());
  }
}

TEST(Counters, AWithdrawnConnectionWasNeverAcceptedNorOpen) {
  Counters counters{1};
  counters.opened(0);
  counters.announce(0);
  EXPECT_EQ(counters.accepted(), 2U) << "before its server can echo a byte";
  counters.withdraw(0);
  EXPECT_EQ(counters.accepted(), 1U);
  EXPECT_EQ(counters.open(), 1U);
  EXPECT_EQ(counters.max_open(), 1U);
  counters.announce(0);
  counters.confirm();
  EXPECT_EQ(counters.accepted(), 2U);
  EXPECT_EQ(counters.max_open(), 2U);
}

TEST(Counters, BytesThatWereNotSentAreTakenBack) {
  Counters counters{1};
  counters.echoed(0, 3, 300);
  counters.not_sent(0, 120);
  EXPECT_EQ(counters.bytes(), 180U);
  EXPECT_EQ(counters.messages(), 3U) << "they were read";
}

TEST(Counters, BytesThatWereNotSentAreTakenFromTheWorkersThatCountedThem) {
  Counters counters{3};
  counters.echoed(0, 1, 100);
  counters.echoed(2, 1, 200);
  counters.not_sent(2, 250);
  EXPECT_EQ(counters.worker(2).bytes, 0U);
  EXPECT_EQ(counters.worker(0).bytes, 50U);
  counters.not_sent(1, 1000);
  EXPECT_EQ(counters.bytes(), 0U) << "no count falls below zero";
}

TEST(Counters, KeepEachWorkersShareApartAndAddItUpOnRead) {
  Counters counters{2};
  counters.opened(0);
  counters.opened(1);
  counters.opened(1);
  counters.closed(1);
  counters.echoed(0, 1, 100);
  counters.echoed(1, 2, 2000);
  EXPECT_EQ(counters.worker(0).accepted, 1U);
  EXPECT_EQ(counters.worker(1).accepted, 2U);
  EXPECT_EQ(counters.worker(1).closed, 1U);
  EXPECT_EQ(counters.worker(1).bytes, 2000U);
  EXPECT_EQ(counters.accepted(), 3U);
  EXPECT_EQ(counters.messages(), 3U);
  EXPECT_EQ(counters.bytes(), 2100U);
}

TEST(Counters, GiveEachWorkerItsOwnCacheLine) {
  Counters counters{2};
  const auto* first = reinterpret_cast<const std::byte*>(&counters.worker(0));
  const auto* second = reinterpret_cast<const std::byte*>(&counters.worker(1));
  EXPECT_GE(second - first, 64);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0U);
}

TEST(Counters, SeeTheMostOpenAtOneMomentUnderThreads) {
  constexpr unsigned threads = 8;
  constexpr unsigned rounds = 200;
  Counters counters{threads};
  std::barrier all_open{threads};
  const auto work = [&](unsigned worker) {
    for (unsigned i = 0; i < rounds; ++i) {
      counters.opened(worker);
      if (i == rounds / 2) all_open.arrive_and_wait();
      counters.echoed(worker, 1, 10);
      counters.closed(worker);
    }
  };
  std::vector<std::thread> pool;
  for (unsigned i = 0; i < threads; ++i) pool.emplace_back(work, i);
  for (std::thread& thread : pool) thread.join();
  EXPECT_EQ(counters.max_open(), threads);
  EXPECT_EQ(counters.open(), 0U);
  EXPECT_EQ(counters.accepted(), threads * rounds);
  EXPECT_EQ(counters.closed(), threads * rounds);
  EXPECT_EQ(counters.bytes(), threads * rounds * 10U);
}

TEST(Counters, HoldALimitExactlyThoughManyOpenAtOnce) {
  constexpr unsigned workers = 4;
  constexpr std::uint64_t limit = 3;
  Counters counters{workers};
  std::barrier begin{workers};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      begin.arrive_and_wait();
      for (int i = 0; i < 10'000; ++i) {
        if (counters.try_open(worker, limit)) counters.closed(worker);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(counters.max_open(), limit);
  EXPECT_EQ(counters.open(), 0U);
  for (std::uint64_t i = 0; i < limit; ++i) EXPECT_TRUE(counters.try_open(0, limit));
  EXPECT_FALSE(counters.try_open(0, limit));
  EXPECT_TRUE(counters.try_open(0, std::nullopt));
  EXPECT_EQ(counters.accepted(), counters.closed() + counters.open());
}

TEST(Counters, KeepWhatAForkedWorkerWroteBeforeItWasKilled) {
  Counters counters{2};
  counters.opened(0);
  const int ended = echo::fixtures::in_child([&counters] {
    counters.opened(1);
    counters.echoed(1, 1, 64);
    counters.shed(Shed::descriptors);
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  EXPECT_EQ(ended, 128 + SIGKILL);
  EXPECT_EQ(counters.open(), 2U);
  EXPECT_EQ(counters.max_open(), 2U);
  EXPECT_EQ(counters.worker(1).bytes, 64U);
  EXPECT_EQ(counters.shed_count(Shed::descriptors), 1U);
}

TEST(Counters, CountEachCauseOfSheddingUnderItsOwnName) {
  Counters counters{1};
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < shed_causes; ++i) {
    const auto cause = static_cast<Shed>(i);
    for (std::size_t n = 0; n <= i; ++n) counters.shed(cause);
    EXPECT_EQ(counters.shed_count(cause), i + 1);
    names.insert(name_of(cause));
  }
  EXPECT_EQ(names.size(), shed_causes);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(counters.accepted(), 0U) << "a shed connection was never served";
}

}  // namespace
}  // namespace server
