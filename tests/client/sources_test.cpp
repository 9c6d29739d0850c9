// Source and target addresses of connections: enough sources on loopback, different ones in each
// run, given sources, and several target ports.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <map>
#include <set>
#include <stdexcept>

#include "client/connection/connector.hpp"

namespace client {
namespace {

constexpr limits::PortRange usual{32768, 60999};

echo::Endpoint at(const char* host) {
  return echo::resolve(host, 1234).front();
}

std::uint32_t number_of(const echo::Endpoint& endpoint) {
  return ntohl(reinterpret_cast<const sockaddr_in*>(endpoint.data())->sin_addr.s_addr);
}

TEST(Sources, AreAsManyAsLeaveMostOfEachRangeFree) {
  struct Row {
    std::uint64_t connections, target_ports;
    limits::PortRange ports;
    std::uint64_t count;
  };
  constexpr Row rows[] = {
      {1, 1, usual, 1},
      {882, 1, usual, 1},
      {883, 1, usual, 2},
      {10'000, 1, usual, 12},
      {1'000'000, 1, usual, 1134},
      {883, 2, usual, 1},  // each pair of a source and a target port has its own range
      {1'000'000, 10, usual, 114},
      {10, 1, {40'000, 40'063}, 5},
      {10, 5, {40'000, 40'063}, 1},
      {10, 1, {40'000, 40'000}, 10},  // one port has no part: one connection per source
      {UINT64_MAX / 1'000'000, 1, {40'000, 40'000}, 254U << 16U},  // the whole pool
  };
  for (const Row& row : rows) {
    EXPECT_EQ(
        Sources::enough(at("127.0.0.1"), row.connections, row.target_ports, row.ports, 1).count(),
        row.count)
        << row.connections << " connections to " << row.target_ports << " ports";
  }
}

TEST(Sources, AreUsedEvenly) {
  const Sources sources = Sources::enough(at("127.0.0.1"), 100'000, 1, usual, 42);
  std::map<std::string, std::uint64_t> used;
  for (std::uint64_t i = 0; i < 100'000; ++i) ++used[sources.at(i)->host_text()];
  EXPECT_EQ(used.size(), sources.count());
  for (const auto& [address, count] : used)
    EXPECT_LE(count, usual.count() / Sources::part_used) << address;
}

TEST(Sources, DifferWithTheSeed) {
  const auto first = [](std::uint64_t seed) {
    return Sources::enough(at("127.0.0.1"), 10, 1, usual, seed).at(0)->host_text();
  };
  EXPECT_EQ(first(7), first(7));
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) seen.insert(first(seed));
  EXPECT_EQ(seen.size(), 1'000U);
}

TEST(Sources, StayBetween127_1And127_254) {
  constexpr std::uint64_t pool = 254U << 16U;
  for (const std::uint64_t seed : {std::uint64_t{0}, pool - 1, pool, UINT64_MAX}) {
    const Sources sources = Sources::enough(at("127.0.0.1"), 100'000, 1, usual, seed);
    for (std::uint64_t i = 0; i < sources.count() + 2; ++i) {
      const std::uint32_t address = number_of(*sources.at(i));
      EXPECT_GE(address, 0x7f010000U) << "seed " << seed;
      EXPECT_LE(address, 0x7ffeffffU) << "seed " << seed;
    }
  }
  EXPECT_EQ(Sources::enough(at("127.0.0.1"), 100'000, 1, usual, pool - 1).at(1)->host_text(),
            "127.1.0.0")
      << "the first follows the last";
}

TEST(Sources, AreTheKernelsChoiceUnlessTheTargetIsInIpv4Loopback) {
  for (const char* host : {"::1", "192.0.2.1", "2001:db8::1", "::ffff:127.0.0.1"}) {
    const Sources sources = Sources::enough(at(host), 100'000, 1, usual, 7);
    EXPECT_EQ(sources.count(), 1U) << host;
    EXPECT_FALSE(sources.at(0)) << host;
  }
}

TEST(Sources, AreParsedAsAddressesAndNetworks) {
  struct Row {
    const char* typed;
    const char* first;
    std::uint64_t count;
    const char* last;
  };
  const Row rows[] = {
      {"127.0.1.1", "127.0.1.1", 1, "127.0.1.1"},
      {"127.0.1.1/32", "127.0.1.1", 1, "127.0.1.1"},
      {"127.1.0.0/16", "127.1.0.0", 65'536, "127.1.255.255"},
      {"127.1.2.3/16", "127.1.0.0", 65'536, "127.1.255.255"},  // any address within it
      {"127.0.0.0/8", "127.0.0.0", 1U << 24U, "127.255.255.255"},
      {"10.0.0.254/31", "10.0.0.254", 2, "10.0.0.255"},
      {"::1", "::1", 1, "::1"},
      {"::1/128", "::1", 1, "::1"},
      {"fd00::1:2:3/120", "fd00::1:2:0", 256, "fd00::1:2:ff"},
      {"fd00::/104", "fd00::", 1U << 24U, "fd00::ff:ffff"},
  };
  for (const Row& row : rows) {
    const AddressRange range = parse_source(row.typed);
    EXPECT_EQ(range.first.host_text(), row.first) << row.typed;
    EXPECT_EQ(range.first.port(), 0) << "connect() chooses the port";
    EXPECT_EQ(range.count, row.count) << row.typed;
    EXPECT_EQ(Sources{{range}}.at(range.count - 1)->host_text(), row.last) << row.typed;
  }
}

TEST(Sources, InvalidOnesAreRefusedWithAnExample) {
  for (const char* text :
       {"", "x", "127.0.0", "127.0.0.1/", "127.0.0.1/33", "127.0.0.1/x", "/8", "127.0.0.0/7",
        "::1/129", "fd00::/103", "127.0.0.1/-1", "127.0.0.1 ", "localhost", "127.0.0.1:80"}) {
    try {
      parse_source(text);
      ADD_FAILURE() << "accepted: \"" << text << "\"";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("127.1.0.0/16"), std::string::npos) << error.what();
    }
  }
}

TEST(Sources, GivenOnesRotateInTheirOrder) {
  const Sources sources{
      {parse_source("127.0.0.9"), parse_source("127.0.1.254/31"), parse_source("::1")}};
  EXPECT_EQ(sources.count(), 4U);
  const char* const wanted[] = {"127.0.0.9", "127.0.1.254", "127.0.1.255", "::1"};
  for (std::uint64_t i = 0; i < 12; ++i) {
    EXPECT_EQ(sources.at(i)->host_text(), wanted[i % 4]) << "connection " << i;
  }
}

/// A listener on a free port of `host`.
struct Listening {
  explicit Listening(const char* host)
      : socket(echo::listen_on(echo::resolve(host, 0).front(), 64, false)),
        where(echo::local_endpoint(socket.get())) {}
  echo::Descriptor socket;
  echo::Endpoint where;
};

TEST(Connector, ConnectsFromTheSourceOfItsIndex) {
  const Listening listening{"127.0.0.1"};
  // One port per source: three connections, three sources.
  const Connector connector{{listening.where},
                            Sources::enough(listening.where, 3, 1, {40'000, 40'000}, 99)};
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Attempt attempt = connector.begin(i);
    ASSERT_EQ(attempt.error, 0);
    EXPECT_EQ(echo::local_endpoint(attempt.socket.get()).host_text(),
              connector.sources().at(i)->host_text());
  }
}

echo::Endpoint peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  EXPECT_EQ(::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  return {reinterpret_cast<const sockaddr*>(&address), length};
}

TEST(Connector, RotatesOverThePortsAndThenOverTheSources) {
  const Listening first{"127.0.0.1"};
  const Listening second{"127.0.0.1"};
  const Connector connector{{first.where, second.where},
                            Sources{{parse_source("127.0.5.2/31"), parse_source("127.0.6.1")}}};
  const char* const sources[] = {"127.0.5.2", "127.0.5.3", "127.0.6.1"};
  for (std::uint64_t i = 0; i < 12; ++i) {
    const Attempt attempt = connector.begin(i);
    ASSERT_EQ(attempt.error, 0);
    EXPECT_EQ(peer_of(attempt.socket.get()).text(), (i % 2 == 0 ? first : second).where.text());
    EXPECT_EQ(echo::local_endpoint(attempt.socket.get()).host_text(), sources[i / 2 % 3])
        << "connection " << i;
  }
  EXPECT_EQ(connector.target().text(), first.where.text());
}

TEST(Connector, SetsTheGivenSocketOptions) {
  const Listening listening{"127.0.0.1"};
  for (const bool on : {true, false}) {
    SocketOptions options;
    options.nodelay = options.keepalive = on;
    if (on) options.buffers = {20'000, 30'000};
    const Attempt attempt = Connector{{listening.where}, {}, options}.begin(0);
    const auto value_of = [&attempt](int level, int name) {
      int value = -1;
      socklen_t length = sizeof value;
      ::getsockopt(attempt.socket.get(), level, name, &value, &length);
      return value;
    };
    EXPECT_EQ(value_of(IPPROTO_TCP, TCP_NODELAY) != 0, on);
    EXPECT_EQ(value_of(SOL_SOCKET, SO_KEEPALIVE) != 0, on);
    EXPECT_EQ(value_of(SOL_SOCKET, SO_RCVBUF) == 40'000, on) << "the kernel doubles it: socket(7)";
    EXPECT_EQ(value_of(SOL_SOCKET, SO_SNDBUF) == 60'000, on);
  }
}

TEST(Connector, ReportsASourceThatIsNotLocal) {
  const Listening listening{"127.0.0.1"};
  const Connector connector{{listening.where}, Sources{{parse_source("192.0.2.1")}}};
  EXPECT_EQ(connector.begin(0).error, EADDRNOTAVAIL);
}

TEST(Connector, DetectsWhetherTheTargetListens) {
  Listening listening{"127.0.0.1"};
  const Connector connector{{listening.where}, Sources::enough(listening.where, 1, 1, usual, 5)};
  EXPECT_FALSE(nobody_listens(connector));
  listening.socket.reset();
  EXPECT_TRUE(nobody_listens(connector));
}

}  // namespace
}  // namespace client
