// Peers that send the wrong bytes (faults 5, 7, 8): each lie is reported with its name, place and
// owner.
#include <gtest/gtest.h>

#include <array>
#include <future>
#include <span>
#include <string_view>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

struct WrongEcho {
  const char* name;
  void (*script)(Peer&);
  const char* bucket;
};

std::ostream& operator<<(std::ostream& out, const WrongEcho& lie) {
  return out << lie.name;
}

Bytes with_extra_byte(Bytes bytes) {
  bytes.push_back(std::byte{'x'});
  return bytes;
}

const WrongEcho wrong_echoes[] = {
    {"FirstByteChanged",
     [](Peer& peer) {
       Bytes bytes = peer.receive(size);
       bytes.front() ^= std::byte{1};
       peer.send(bytes);
       peer.await_fin();
     },
     "mismatch"},
    {"LastBitChanged",
     [](Peer& peer) {
       Bytes bytes = peer.receive(size);
       bytes.back() ^= std::byte{0x80};
       peer.send(bytes);
       peer.await_fin();
     },
     "mismatch"},
    {"AllZeros",
     [](Peer& peer) {
       peer.receive(size);
       peer.send(Bytes(size));
       peer.await_fin();
     },
     "mismatch"},
    {"OneByteLeftOutAndOneAddedAtTheEnd",
     [](Peer& peer) {
       Bytes bytes = peer.receive(size);
       bytes.erase(bytes.begin() + 20);
       peer.send(with_extra_byte(bytes));
       peer.await_fin();
     },
     "mismatch"},
    {"BlocksReordered",
     [](Peer& peer) {
       Bytes bytes = peer.receive(size);
       std::rotate(bytes.begin(), bytes.begin() + 16, bytes.end());
       peer.send(bytes);
       peer.await_fin();
     },
     "foreign"},
    {"ExtraRightBehindTheEcho",
     [](Peer& peer) {
       peer.send(with_extra_byte(peer.receive(size)));
       peer.await_fin();
     },
     "extra"},
    {"EchoedTwice",
     [](Peer& peer) {
       const Bytes bytes = peer.receive(size);
       peer.send(bytes);
       peer.send(bytes);
       peer.await_fin();
     },
     "extra"},
    {"ExtraBehindTheClientsFin",
     [](Peer& peer) {
       peer.send(peer.receive(size));
       peer.await_fin();
       peer.send(Bytes(1));
     },
     "extra"},
};

class WrongBytes : public ::testing::TestWithParam<WrongEcho> {};

TEST_P(WrongBytes, IsFoundOnTheConnectionThatCarriedIt) {
  const WrongEcho& lie = GetParam();
  Liar server{[&lie](Peer& peer) { peer.index == 1 ? lie.script(peer) : honest(peer); }};
  const Report report = run_client(server.target(), {"-n", "4"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.served(), 3U);
  EXPECT_EQ(report.failed(), (Buckets{{lie.bucket, 1}}));
}

INSTANTIATE_TEST_SUITE_P(Lies, WrongBytes, ::testing::ValuesIn(wrong_echoes),
                         [](const auto& info) { return info.param.name; });

TEST(FirstMismatch, NamesConnectionMessageOffsetAndBothBytes) {
  std::promise<std::byte> promised;
  Liar server{[&promised](Peer& peer) {
    if (peer.index != 2) return honest(peer);
    peer.send(peer.receive(size));
    Bytes bytes = peer.receive(size);  // the second message
    promised.set_value(bytes.at(37));
    bytes.at(37) ^= std::byte{0x0f};
    peer.send(bytes);
    peer.await_fin();
  }};
  const Report report = run_client(server.target(), {"-n", "4", "-m", "3"});
  const auto right = std::to_integer<std::uint64_t>(promised.get_future().get());
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.count("/echoes/first_mismatch/connection"), 2U);
  EXPECT_EQ(report.count("/echoes/first_mismatch/message"), 1U);
  EXPECT_EQ(report.count("/echoes/first_mismatch/offset"), 37U);
  EXPECT_EQ(report.count("/echoes/first_mismatch/expected"), right);
  EXPECT_EQ(report.count("/echoes/first_mismatch/got"), right ^ 0x0fU);
  EXPECT_EQ(report.count("/echoes/verified"), 3U * 3 + 1) << "its good echo stays counted";
}

TEST(SwappedConnections, AreForeignAndNameTheOwner) {
  std::array<std::promise<Bytes>, 2> messages;
  Liar server{[&messages](Peer& peer) {
    if (peer.index > 1) return;
    messages.at(peer.index).set_value(peer.receive(size));
    peer.send(messages.at(1 - peer.index).get_future().get());
    peer.await_fin();
  }};
  const Report report = run_client(server.target(), {"-n", "2"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"foreign", 2}}));
  const std::uint64_t victim = report.count("/echoes/first_mismatch/connection");
  EXPECT_EQ(report.count("/echoes/first_mismatch/owner/connection"), 1 - victim);
  EXPECT_EQ(report.count("/echoes/first_mismatch/owner/message"), 0U);
  EXPECT_EQ(report.count("/echoes/first_mismatch/offset") / 16, 0U) << "in the first block";
}

TEST(SwappedConnections, PassUnnoticedWithOneTextForAll) {
  // The cost of --data, which its help states: all messages are the same.
  std::array<std::promise<Bytes>, 2> messages;
  Liar server{[&messages](Peer& peer) {
    if (peer.index > 1) return;
    messages.at(peer.index).set_value(peer.receive(5));
    peer.send(messages.at(1 - peer.index).get_future().get());
    peer.await_fin();
  }};
  const Report report = run_client(server.target(), {"-n", "2", "--data", "hello"});
  EXPECT_EQ(report.code, 0);
  EXPECT_EQ(report.served(), 2U);
}

// Bug: all that was said of an HTTP server was "mismatch ... got 0x48".
TEST(ServerOfAnotherProtocol, IsNamed) {
  Liar http{[](Peer& peer) {
    peer.receive_some();
    peer.send(bytes_of("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
    peer.await_fin();
  }};
  const Report report = run_client(http.target(), {"-n", "3"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"mismatch", 3}}));
  EXPECT_TRUE(report.warns(http.target() + " answers as a server of HTTP")) << report.out;

  Liar ssh{[](Peer& peer) {
    peer.send(bytes_of("SSH-2.0-OpenSSH_9.2\r\n"));  // it speaks first
    peer.await_fin();
  }};
  EXPECT_TRUE(run_client(ssh.target(), {"-n", "3"}).warns("answers as a server of SSH"));
  Liar changed{[](Peer& peer) {
    Bytes bytes = peer.receive(size);
    bytes.front() ^= std::byte{1};
    peer.send(bytes);
    peer.await_fin();
  }};
  EXPECT_FALSE(run_client(changed.target(), {"-n", "3"}).warns("answers as")) << "it echoes";
}

TEST(ExtraBytes, BeforeAnythingWasSentAreFoundToo) {
  Liar server{[](Peer& peer) {
    if (peer.index == 1) peer.send(Bytes(1));
    honest(peer);
  }};
  const Report report = run_client(server.target(), {"-n", "4"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.served(), 3U);
  // A byte read before the message is sent is extra; read afterwards, it is in the place of
  // the first byte.
  EXPECT_EQ(report.failed()["extra"] + report.failed()["mismatch"], 1U);
}

TEST(ExtraBytes, AreFoundWhileTheConnectionsStand) {
  Liar server{[](Peer& peer) {
    peer.send(peer.receive(size));
    peer.pause(milliseconds{100});
    peer.send(Bytes(1));
    peer.await_fin();
  }};
  // Every connection fails, so none is left and the run ends before its hour.
  const Report report = run_client(server.target(), {"-n", "3", "-d", "1h"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"extra", 3}}));
}

}  // namespace
}  // namespace faults
