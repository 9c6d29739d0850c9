// What a loop counts: one bucket for each socket, and a name for each bucket.
#include "client/tally.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <numeric>
#include <set>
#include <string>

namespace client {
namespace {

TEST(Tally, EverySocketEndsInOneBucketAndTheSumHolds) {
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
  EXPECT_EQ(kinds, tally.failed()) << "the list of failures leaves none out";
}

TEST(Tally, TellsFailuresOfOneCauseApartByPhaseAndErrno) {
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

TEST(Tally, WhatIsReclassifiedChangesItsBucketAndKeepsTheSum) {
  Tally tally;
  for (int i = 0; i < 3; ++i) tally.end({Outcome::closed_early, Phase::idle, 0});
  tally.reclassify({Outcome::closed_early, Phase::idle, 0}, Outcome::server_lost, 2);
  EXPECT_EQ(tally.count(Outcome::closed_early), 1U);
  EXPECT_EQ((tally.failures[{Outcome::server_lost, Phase::idle, 0}]), 2U);
  tally.reclassify({Outcome::closed_early, Phase::idle, 0}, Outcome::server_lost, 1);
  EXPECT_EQ(tally.failures.size(), 1U) << "an empty kind is not listed";
  EXPECT_EQ(tally.failed(), 3U);
}

TEST(Tally, MaxConcIsTheMostThatStoodAtOnce) {
  Tally tally;
  tally.opened();
  tally.opened();
  --tally.open;
  tally.opened();
  EXPECT_EQ(tally.established, 3U);
  EXPECT_EQ(tally.max_concurrent, 2U);
}

TEST(Tally, EachOutcomeAndPhaseHasANameOfItsOwn) {
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
