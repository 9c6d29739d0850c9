// The server's sockets as the kernel lists them, of listeners and connections in this process.
#include "client/measure/server_sockets.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <string>
#include <vector>

#include "client/connection/connector.hpp"

namespace client {
namespace {

echo::Endpoint loopback(const std::string& host = "127.0.0.1") {
  return echo::resolve(host, 0).front();
}

/// Connections to `where`, each established.
std::vector<echo::Descriptor> connected(const echo::Endpoint& where, std::uint64_t count) {
  const Connector connector{{where}, {}};
  std::vector<echo::Descriptor> sockets;
  for (std::uint64_t i = 0; i < count; ++i) {
    Attempt attempt = connector.begin(i);
    EXPECT_EQ(attempt.error, 0);
    pollfd entry{attempt.socket.get(), POLLOUT, 0};
    EXPECT_EQ(::poll(&entry, 1, 10'000), 1);
    sockets.push_back(std::move(attempt.socket));
  }
  return sockets;
}

TEST(ServerSockets, CountsTheConnectionsOfItsListenerAlone) {
  const echo::Descriptor listener = echo::listen_on(loopback(), 64, false);
  const echo::Endpoint where = echo::local_endpoint(listener.get());
  echo::Endpoint beside = loopback("127.0.0.2");
  beside.set_port(where.port());
  const echo::Descriptor neighbour = echo::listen_on(beside, 64, false);
  const ServerSockets sockets{{where}};
  if (!sockets.listeners()) GTEST_SKIP() << "the kernel refuses sock_diag";
  EXPECT_EQ(sockets.established(), 0U);
  const auto own = connected(where, 5);
  const auto others = connected(beside, 3);
  EXPECT_EQ(sockets.established(), 5U);
  EXPECT_EQ(ServerSockets{{beside}}.established(), 3U);
  EXPECT_EQ(sockets.listeners()->backlog, 64U);
}

TEST(ServerSockets, CountsAtTheWildcardWhateverTheAddress) {
  const echo::Descriptor listener = echo::listen_on(loopback("0.0.0.0"), 64, false);
  echo::Endpoint where = loopback();
  where.set_port(echo::local_endpoint(listener.get()).port());
  const ServerSockets sockets{{where}};
  if (!sockets.listeners()) GTEST_SKIP() << "the kernel refuses sock_diag";
  const auto own = connected(where, 2);
  EXPECT_EQ(sockets.established(), 2U);
}

TEST(ServerSockets, CountsTheDropsOfItsListenerAndNotOfANeighbours) {
  const echo::Descriptor listener = echo::listen_on(loopback(), 1, false);
  const echo::Descriptor neighbour = echo::listen_on(loopback(), 64, false);
  const echo::Endpoint where = echo::local_endpoint(listener.get());
  const ServerSockets sockets{{where}};
  if (!sockets.listeners()) GTEST_SKIP() << "the kernel refuses sock_diag";
  EXPECT_EQ(sockets.listeners()->drops, 0U);
  const Connector connector{{where}, {}};
  std::vector<Attempt> attempts;  // nothing accepts: two fit, the SYNs of the others are dropped
  for (std::uint64_t i = 0; i < 8; ++i) attempts.push_back(connector.begin(i));
  EXPECT_GT(sockets.listeners()->drops, 0U);
  EXPECT_EQ(ServerSockets{{echo::local_endpoint(neighbour.get())}}.listeners()->drops, 0U);
}

TEST(ServerSockets, AreUnknownWithoutAListenerHere) {
  const echo::Descriptor listener = echo::listen_on(loopback(), 1, false);
  echo::Endpoint elsewhere = loopback("127.0.0.3");
  elsewhere.set_port(echo::local_endpoint(listener.get()).port());
  EXPECT_EQ(ServerSockets{{elsewhere}}.established(), std::nullopt);
  EXPECT_FALSE(ServerSockets{{elsewhere}}.listeners());
  EXPECT_FALSE(ServerSockets{{loopback("192.0.2.1")}}.established()) << "outside loopback";
}

}  // namespace
}  // namespace client
