// The counts of a loop: one outcome per socket, and a name per outcome.
#include "client/measure/tally.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace client {
namespace {

TEST(Tally, EverySocketHasOneOutcomeAndTheCountsAddUp) {
  Tally tally;
  std::uint64_t ended = 0;
  for (std::size_t i = 0; i < outcomes; ++i) {
    for (std::size_t times = 0; times <= i; ++times, ++ended) {
      tally.end({static_cast<Outcome>(i), Phase::echo, 0});
    }
  }
  EXPECT_EQ(std::accumulate(tally.ended.begin(), tally.ended.end(), std::uint64_t{0}), ended);
  EXPECT_EQ(tally.count(Outcome::served) + tally.failed(), ended);
  EXPECT_EQ(tally.count(Outcome::mismatch), static_cast<std::uint64_t>(Outcome::mismatch) + 1);
  std::uint64_t kinds = 0;
  for (const auto& [failure, count] : tally.failures) kinds += count;
  EXPECT_EQ(kinds, tally.failed()) << "the list of failures is complete";
}

TEST(Tally, DistinguishesFailuresOfOneCauseByPhaseAndErrno) {
  Tally tally;
  tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  tally.end({Outcome::reset, Phase::idle, ECONNRESET});
  tally.end({Outcome::reset, Phase::echo, EPIPE});
  tally.end({Outcome::served, Phase::drain, 0});
  EXPECT_EQ(tally.failures.size(), 3U) << "served is no failure";
  EXPECT_EQ((tally.failures[{Outcome::reset, Phase::echo, ECONNRESET}]), 2U);
  EXPECT_EQ(tally.count(Outcome::reset), 4U);
}

TEST(Tally, ReclassifyingChangesTheOutcomeAndKeepsTheSum) {
  Tally tally;
  for (int i = 0; i < 3; ++i) tally.end({Outcome::closed_early, Phase::idle, 0});
  tally.reclassify({Outcome::closed_early, Phase::idle, 0}, Outcome::server_lost, 2);
  EXPECT_EQ(tally.count(Outcome::closed_early), 1U);
  EXPECT_EQ((tally.failures[{Outcome::server_lost, Phase::idle, 0}]), 2U);
  tally.reclassify({Outcome::closed_early, Phase::idle, 0}, Outcome::server_lost, 1);
  EXPECT_EQ(tally.failures.size(), 1U) << "an empty kind is not listed";
  EXPECT_EQ(tally.failed(), 3U);
}

TEST(Concurrency, ReportsTheMaximumOfOpenSockets) {
  Concurrency concurrency;
  EXPECT_EQ(concurrency.most(), 0U);
  concurrency.opened();
  concurrency.opened();
  concurrency.closed();
  concurrency.opened();
  EXPECT_EQ(concurrency.open(), 2U);
  EXPECT_EQ(concurrency.most(), 2U);
  concurrency.closed();
  concurrency.closed();
  EXPECT_EQ(concurrency.open(), 0U);
  EXPECT_EQ(concurrency.most(), 2U) << "the maximum remains";
}

TEST(Concurrency, CountsTheSocketsOfAllThreads) {
  constexpr std::uint64_t each = 10'000;
  Concurrency concurrency;
  const auto open_and_close = [&concurrency] {
    for (std::uint64_t i = 0; i < each; ++i) concurrency.opened();
    for (std::uint64_t i = 0; i < each; ++i) concurrency.closed();
  };
  concurrency.opened();  // open during the whole test
  {
    std::thread other(open_and_close);
    open_and_close();
    other.join();
  }
  EXPECT_EQ(concurrency.open(), 1U) << "nothing is lost";
  EXPECT_GE(concurrency.most(), each + 1);
  EXPECT_LE(concurrency.most(), 2 * each + 1);
}

/// Every figure is different, counted up from `first`.
Echoes echoes_from(std::uint64_t first) {
  Echoes echoes;
  echoes.sent = first;
  echoes.verified = first + 1;
  echoes.bytes_verified = first + 2;
  echoes.late = first + 3;
  echoes.unsent = first + 4;
  for (std::uint64_t i = 0; i < first + 5; ++i) echoes.latency.record(std::chrono::milliseconds{1});
  return echoes;
}

std::vector<std::uint64_t> figures_of(const Echoes& echoes) {
  return {echoes.sent, echoes.verified, echoes.bytes_verified,
          echoes.late, echoes.unsent,   echoes.latency.count()};
}

Tally tally_from(std::uint64_t first) {
  Tally tally;
  tally.established = first;
  tally.total = first + 1;
  tally.late_resets = first + 2;
  tally.slow_connects = first + 3;
  tally.echoes_within = first + 4;
  tally.bytes_within = first + 5;
  tally.connections_within = first + 6;
  tally.waits_within = first + 7;
  tally.measured = echoes_from(first + 8);
  tally.retransmissions = {first + 14, first + 15};
  for (std::uint64_t i = 0; i < first; ++i) {
    tally.connect.record(std::chrono::milliseconds{2});
    tally.wire.record(std::chrono::milliseconds{3});
    tally.lateness.record(std::chrono::milliseconds{4});
    tally.receive_lateness.record(std::chrono::milliseconds{5});
    tally.end({Outcome::served, Phase::drain, 0});
    tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  }
  return tally;
}

std::vector<std::uint64_t> figures_of(const Tally& tally) {
  return {tally.established,
          tally.total,
          tally.late_resets,
          tally.slow_connects,
          tally.echoes_within,
          tally.bytes_within,
          tally.connections_within,
          tally.waits_within,
          tally.connect.count(),
          tally.wire.count(),
          tally.lateness.count(),
          tally.count(Outcome::served),
          tally.count(Outcome::reset),
          tally.receive_lateness.count(),
          tally.retransmissions.segments,
          tally.retransmissions.connections};
}

template <typename Counted>
void expect_sum(const Counted& sum, const Counted& one, const Counted& other) {
  const auto sums = figures_of(sum);
  const auto ones = figures_of(one);
  const auto others = figures_of(other);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_EQ(sums[i], ones[i] + others[i]) << "figure " << i;
  }
}

TEST(Tally, OfSeveralLoopsIsTheirSumInEveryFigure) {
  const Tally one = tally_from(100);
  const Tally other = tally_from(3'000);
  Tally sum = one;
  sum += other;
  expect_sum(sum, one, other);
  expect_sum(sum.measured, one.measured, other.measured);
  EXPECT_EQ((sum.failures[{Outcome::reset, Phase::echo, ECONNRESET}]), 3'100U);
  EXPECT_EQ(sum.failed(), 3'100U);
}

TEST(Tally, KeepsKindsOfFailureThatOnlyOneLoopHad) {
  Tally sum;
  sum.end({Outcome::reset, Phase::echo, 0});
  Tally other;
  other.end({Outcome::reset, Phase::idle, 0});
  other.end({Outcome::timeout, Phase::echo, 0});
  sum += other;
  EXPECT_EQ(sum.failures.size(), 3U);
  EXPECT_EQ(sum.count(Outcome::reset), 2U);
}

TEST(Tally, APhaseThatOnlyOneLoopHadIsInTheSum) {
  for (const auto phase : {&Tally::ramp, &Tally::warm_up}) {
    Tally with, without, both;
    with.*phase = echoes_from(10);
    both = without;
    both += with;
    ASSERT_TRUE(both.*phase);
    EXPECT_EQ(figures_of(*(both.*phase)), figures_of(*(with.*phase)));
    both += without;
    EXPECT_EQ(figures_of(*(both.*phase)), figures_of(*(with.*phase)));
    both += with;
    expect_sum(*(both.*phase), *(with.*phase), *(with.*phase));
    without += without;
    EXPECT_FALSE(without.*phase) << "neither had it";
  }
}

TEST(Tally, CountsTheVerifiedEchoesOfAllPhases) {
  Tally tally;
  tally.measured.verified = 1;
  EXPECT_EQ(tally.verified(), 1U);
  tally.ramp.emplace().verified = 10;
  tally.warm_up.emplace().verified = 100;
  EXPECT_EQ(tally.verified(), 111U);
}

TEST(Tally, TheFirstMismatchOfTheFirstLoopStays) {
  Tally sum, one, other;
  one.first_mismatch = FirstMismatch{1, 0, {}};
  other.first_mismatch = FirstMismatch{2, 0, {}};
  sum += one;
  sum += other;
  EXPECT_EQ(sum.first_mismatch->connection, 1U);
}

TEST(Tally, EachOutcomeAndPhaseHasItsOwnName) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < outcomes; ++i) names.emplace(name_of(static_cast<Outcome>(i)));
  EXPECT_EQ(names.size(), outcomes);
  EXPECT_EQ(names.count("unknown"), 0U);
  EXPECT_EQ(name_of(Outcome::short_echo), "short");
  std::set<std::string> phases;
  for (const Phase phase : {Phase::connect, Phase::echo, Phase::idle, Phase::drain}) {
    phases.emplace(name_of(phase));
  }
  EXPECT_EQ(phases, (std::set<std::string>{"connect", "echo", "idle", "drain"}));
}

}  // namespace
}  // namespace client
