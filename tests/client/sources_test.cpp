// Source addresses on loopback: enough of them, in the right place, and others in each run.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "client/connector.hpp"

namespace client {
namespace {

constexpr limits::PortRange usual{32768, 60999};

echo::Endpoint at(const char* host) {
  return echo::resolve(host, 1234).front();
}

std::uint32_t number_of(const echo::Endpoint& endpoint) {
  return ntohl(reinterpret_cast<const sockaddr_in*>(endpoint.data())->sin_addr.s_addr);
}

TEST(Sources, AreAsManyAsKeepEachRangeUnderHalfFull) {
  struct Row {
    std::uint64_t connections;
    limits::PortRange ports;
    std::uint64_t count;
  };
  constexpr Row rows[] = {
      {1, usual, 1},
      {14'116, usual, 1},
      {14'117, usual, 2},
      {100'000, usual, 8},
      {1'000'000, usual, 71},
      {10, {40'000, 40'009}, 2},
      {10, {40'000, 40'000}, 10},  // a range of one port has no half: one connection a source
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Sources(at("127.0.0.1"), row.connections, row.ports, 1).count(), row.count)
        << row.connections << " connections";
  }
}

TEST(Sources, AreUsedEvenly) {
  const Sources sources{at("127.0.0.1"), 100'000, usual, 42};
  std::map<std::string, std::uint64_t> used;
  for (std::uint64_t i = 0; i < 100'000; ++i) ++used[sources.at(i)->host_text()];
  EXPECT_EQ(used.size(), sources.count());
  for (const auto& [address, count] : used) EXPECT_LE(count, usual.count() / 2) << address;
}

TEST(Sources, OfAnotherSeedAreOthers) {
  const auto first = [](std::uint64_t seed) {
    return Sources{at("127.0.0.1"), 10, usual, seed}.at(0)->host_text();
  };
  EXPECT_EQ(first(7), first(7));
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) seen.insert(first(seed));
  EXPECT_EQ(seen.size(), 1'000U);
}

TEST(Sources, StayBetween127_1And127_254) {
  constexpr std::uint64_t pool = 254U << 16U;
  for (const std::uint64_t seed : {std::uint64_t{0}, pool - 1, pool, UINT64_MAX}) {
    const Sources sources{at("127.0.0.1"), 100'000, usual, seed};
    for (std::uint64_t i = 0; i < sources.count() + 2; ++i) {
      const std::uint32_t address = number_of(*sources.at(i));
      EXPECT_GE(address, 0x7f010000U) << "seed " << seed;
      EXPECT_LE(address, 0x7ffeffffU) << "seed " << seed;
    }
  }
  EXPECT_EQ(Sources(at("127.0.0.1"), 100'000, usual, pool - 1).at(1)->host_text(), "127.1.0.0")
      << "behind the last comes the first";
}

TEST(Sources, AreTheKernelsChoiceWhere127HasNoMeaning) {
  for (const char* host : {"::1", "192.0.2.1", "2001:db8::1", "::ffff:127.0.0.1"}) {
    const Sources sources{at(host), 100'000, usual, 7};
    EXPECT_EQ(sources.count(), 1U) << host;
    EXPECT_FALSE(sources.at(0)) << host;
  }
}

TEST(Connector, ConnectsFromTheSourceOfItsIndex) {
  const echo::Descriptor listener =
      echo::listen_on(echo::resolve("127.0.0.1", 0).front(), 16, false);
  const echo::Endpoint target = echo::local_endpoint(listener.get());
  // One port a source: three connections, three sources.
  const Connector connector{target, Sources{target, 3, {40'000, 40'000}, 99}};
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Attempt attempt = connector.begin(i);
    ASSERT_EQ(attempt.error, 0);
    EXPECT_EQ(echo::local_endpoint(attempt.socket.get()).host_text(),
              connector.sources().at(i)->host_text());
  }
}

TEST(Connector, KnowsWhetherAnybodyListens) {
  echo::Descriptor listener = echo::listen_on(echo::resolve("127.0.0.1", 0).front(), 16, false);
  const echo::Endpoint target = echo::local_endpoint(listener.get());
  const Connector connector{target, Sources{target, 1, usual, 5}};
  EXPECT_FALSE(nobody_listens(connector));
  listener.reset();
  EXPECT_TRUE(nobody_listens(connector));
}

}  // namespace
}  // namespace client
