// Addresses as people type them and as the kernel has them, and listeners.
#include "echo/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <stdexcept>
#include <string>
#include <system_error>

namespace echo {
namespace {

TEST(HostPort, IsTakenApart) {
  struct Case {
    const char* text;
    const char* host;
    unsigned port;
  };
  constexpr Case cases[] = {{"", "localhost", 1234},
                            {"example.org", "example.org", 1234},
                            {"example.org:80", "example.org", 80},
                            {":80", "localhost", 80},
                            {"127.0.0.1:0", "127.0.0.1", 0},
                            {"10.0.0.1:65535", "10.0.0.1", 65535},
                            {"::1", "::1", 1234},
                            {"fe80::1", "fe80::1", 1234},
                            {"[::1]", "::1", 1234},
                            {"[::1]:80", "::1", 80}};
  for (const Case& each : cases) {
    const HostPort parsed = parse_host_port(each.text, "localhost", 1234);
    EXPECT_EQ(parsed.host, each.host) << each.text;
    EXPECT_EQ(parsed.port, each.port) << each.text;
  }
}

TEST(HostPort, RefusesSayingWhatIsAllowed) {
  struct Case {
    const char* text;
    const char* allowed;
  };
  constexpr Case cases[] = {{"host:", "from 0 to 65535"},   {"host:65536", "from 0 to 65535"},
                            {"host:-1", "from 0 to 65535"}, {"host:80x", "from 0 to 65535"},
                            {"[::1]:", "from 0 to 65535"},  {"[::1]:x", "from 0 to 65535"},
                            {"[::1", "[ADDR]:PORT"},        {"[::1]80", "[ADDR]:PORT"}};
  for (const Case& each : cases) {
    try {
      parse_host_port(each.text, "localhost", 1234);
      ADD_FAILURE() << each.text << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(each.allowed), std::string::npos) << error.what();
    }
  }
}

Endpoint endpoint(const char* host, std::uint16_t port = 1234) {
  return resolve(host, port).front();
}

TEST(Endpoint, HasTheTextThatAPersonWouldType) {
  EXPECT_EQ(endpoint("127.0.0.1").text(), "127.0.0.1:1234");
  EXPECT_EQ(endpoint("127.0.0.1").host_text(), "127.0.0.1");
  EXPECT_EQ(endpoint("::1").text(), "[::1]:1234");
  EXPECT_EQ(endpoint("::1").host_text(), "::1");
}

TEST(Endpoint, KnowsItsFamilySizeAndPort) {
  Endpoint v4 = endpoint("10.1.2.3", 80);
  EXPECT_EQ(v4.family(), AF_INET);
  EXPECT_EQ(v4.size(), sizeof(sockaddr_in));
  EXPECT_EQ(v4.port(), 80);
  v4.set_port(65535);
  EXPECT_EQ(v4.text(), "10.1.2.3:65535");
  Endpoint v6 = endpoint("fe80::1", 80);
  EXPECT_EQ(v6.family(), AF_INET6);
  EXPECT_EQ(v6.size(), sizeof(sockaddr_in6));
  v6.set_port(0);
  EXPECT_EQ(v6.port(), 0);
}

TEST(Endpoint, TellsLoopbackFromTheWorld) {
  struct Case {
    const char* host;
    bool loopback;
  };
  constexpr Case cases[] = {{"127.0.0.1", true},  {"127.255.255.254", true},
                            {"::1", true},        {"::ffff:127.0.0.1", true},
                            {"0.0.0.0", false},   {"::", false},
                            {"128.0.0.1", false}, {"10.0.0.1", false},
                            {"fe80::1", false},   {"::ffff:10.0.0.1", false}};
  for (const Case& each : cases)
    EXPECT_EQ(endpoint(each.host).is_loopback(), each.loopback) << each.host;
}

TEST(Resolve, FindsLocalhostOnLoopback) {
  const auto found = resolve("localhost", 80);
  ASSERT_FALSE(found.empty());
  for (const Endpoint& each : found) {
    EXPECT_TRUE(each.is_loopback()) << each.text();
    EXPECT_EQ(each.port(), 80);
  }
}

TEST(Resolve, NamesTheHostItDoesNotKnow) {
  try {
    resolve("no such host", 80);
    ADD_FAILURE() << "resolved";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("resolve no such host: "), std::string::npos)
        << error.what();
  }
}

TEST(Listener, TakesAFreePortNonBlockingAndClosedOnExec) {
  const Descriptor listener = listen_on(endpoint("127.0.0.1", 0), 8, false);
  EXPECT_NE(local_endpoint(listener.get()).port(), 0);
  EXPECT_NE(::fcntl(listener.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(listener.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Listener, HandsItsOptionsOnToWhatItAccepts) {
  SocketOptions options;
  options.buffers = {8192, 16384};
  options.keepalive = {.on = false, .idle = std::chrono::seconds{7}, .interval = {}, .count = 3};
  options.idle_timeout = std::chrono::milliseconds{1500};
  const Descriptor listener = listen_on(endpoint("127.0.0.1", 0), 8, false, options);
  const Endpoint where = local_endpoint(listener.get());
  const Descriptor peer{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::connect(peer.get(), where.data(), where.size()), 0);
  const Descriptor accepted{::accept(listener.get(), nullptr, nullptr)};
  const auto number = [&accepted](int level, int option) {
    int value = 0;
    socklen_t length = sizeof value;
    ::getsockopt(accepted.get(), level, option, &value, &length);
    return value;
  };
  EXPECT_EQ(number(SOL_SOCKET, SO_RCVBUF), 2 * 8192) << "the kernel doubles what it is asked for";
  EXPECT_EQ(number(SOL_SOCKET, SO_SNDBUF), 2 * 16384);
  EXPECT_EQ(number(IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(number(SOL_SOCKET, SO_KEEPALIVE), 1) << "an interval asks for it";
  EXPECT_EQ(number(IPPROTO_TCP, TCP_KEEPIDLE), 7);
  EXPECT_EQ(number(IPPROTO_TCP, TCP_KEEPCNT), 3);
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    timeval time{};
    socklen_t length = sizeof time;
    ASSERT_EQ(::getsockopt(accepted.get(), SOL_SOCKET, option, &time, &length), 0);
    EXPECT_EQ(time.tv_sec, 1);
    EXPECT_NEAR(static_cast<double>(time.tv_usec), 500'000, 10'000) << "in ticks of the kernel";
  }
}

TEST(Listener, LeavesNagleOnWhereNodelayIsOff) {
  SocketOptions options;
  options.nodelay = false;
  const Descriptor listener = listen_on(endpoint("127.0.0.1", 0), 8, false, options);
  int value = 1;
  socklen_t length = sizeof value;
  ::getsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &value, &length);
  EXPECT_EQ(value, 0);
}

TEST(Listener, NamesTheAddressThatIsInUse) {
  const Descriptor listener = listen_on(endpoint("127.0.0.1", 0), 8, false);
  const Endpoint taken = local_endpoint(listener.get());
  try {
    listen_on(taken, 8, false);
    ADD_FAILURE() << "listened twice on " << taken.text();
  } catch (const std::system_error& error) {
    const std::string line = error.what();
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_NE(line.find(taken.text() + ": Address already in use"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace echo
