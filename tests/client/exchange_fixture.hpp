// An exchange with one connection over a socket pair; the test itself acts as the peer.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "client/connection/echo_exchange.hpp"
#include "client/connection/transport.hpp"
#include "echo/descriptor.hpp"

namespace client::fixtures {

using Bytes = std::vector<std::byte>;

class ExchangeTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t me = 3;

  explicit ExchangeTest(std::string_view sizes = "64")
      : sizes_(MessageSizes::parse(sizes)),
        payload_(echo::Payload::unique(sizes_.largest(), 7)),
        transport_(EchoExchange{payload_, sizes_}) {}
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    theirs_.reset(ends[1]);
    connection_ = Connection{};
    connection_.fd = ends[0];
    connection_.number = me;
    connection_.state = State::standing;
  }
  Bytes message(echo::MessageId id) const {
    Bytes bytes(sizes_.of(id));
    payload_.fill(id, 0, bytes);
    return bytes;
  }
  /// Messages `first` to `last` of this connection, one after the other.
  Bytes messages(std::uint32_t first, std::uint32_t last) const {
    Bytes all;
    for (std::uint32_t number = first; number <= last; ++number) {
      const Bytes one = message({me, number});
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }
  /// The bytes that the peer can receive now, at most `most`.
  Bytes arrived(std::size_t most = 1U << 20U) const {
    Bytes bytes(most);
    const ssize_t count = ::recv(theirs_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  void answer(std::span<const std::byte> bytes) const {
    ASSERT_EQ(::send(theirs_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Begins and sends `count` more messages; returns what the peer received.
  Bytes sent(std::uint32_t count = 1) {
    connection_.begun += count;
    EXPECT_EQ(transport_.send_more(connection_).kind, IoResult::Kind::waiting);
    return arrived();
  }
  IoResult look(bool until_eof = false) { return transport_.receive(connection_, until_eof); }
  static void expect_waiting(const IoResult& io, std::uint32_t echoes) {
    EXPECT_EQ(io.kind, IoResult::Kind::waiting);
    EXPECT_EQ(io.echoes, echoes);
  }
  static void expect_failed(const IoResult& io, Outcome outcome, std::uint32_t echoes = 0) {
    EXPECT_EQ(io.kind, IoResult::Kind::failed);
    EXPECT_EQ(name_of(io.outcome), name_of(outcome));
    EXPECT_EQ(io.echoes, echoes) << "verified echoes before the failure remain counted";
  }

  MessageSizes sizes_;
  echo::Payload payload_;
  KernelTransport<EchoExchange> transport_;
  echo::Descriptor ours_, theirs_;
  Connection connection_;
};

}  // namespace client::fixtures
