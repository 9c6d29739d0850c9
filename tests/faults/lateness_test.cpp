// The client's delay, the server's and the network's, told apart: a client that does not read, a
// server that answers late, and packets that are lost.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

/// Ten of them are stamped, of which at least one in seven reads is sampled.
const Words many{"-n", "160", "--mode", "stream", "--receive-lateness", "always"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(ReceiveLateness, IsThatOfAClientThatDoesNotRead) {
  std::atomic<std::uint64_t> answers{0};
  Liar server{[&answers](Peer& peer) {
    for (Bytes bytes = peer.receive(size); !bytes.empty(); bytes = peer.receive(size)) {
      if (!peer.send(bytes)) return;
      ++answers;
    }
  }};
  Program client = start_client(server.target(), with(many, {"-m", "200"}));
  ASSERT_TRUE(eventually([&] { return answers > 1'600; }));
  client.signal(SIGSTOP);
  ::poll(nullptr, 0, 600);  // the fault itself
  client.signal(SIGCONT);
  const Report report = report_of(client);
  EXPECT_EQ(report.code, 0);
  if (report.count("/latency/receive_lateness/count") == 0) GTEST_SKIP() << "no SO_TIMESTAMPNS";
  EXPECT_GE(report.count("/latency/receive_lateness/max"), 500'000'000U);
}

TEST(ReceiveLateness, IsNotThatOfAServerThatAnswersLate) {
  Liar server{[](Peer& peer) {
    for (Bytes bytes = peer.receive(size); !bytes.empty(); bytes = peer.receive(size)) {
      if (!peer.pause(milliseconds{500}) || !peer.send(bytes)) return;
    }
  }};
  const nanoseconds mean = quickest(milliseconds{250}, [&] {
    const Report report = run_client(server.target(), with(many, {"-m", "3"}));
    EXPECT_GE(report.count("/latency/echo/min"), 500'000'000U);
    return nanoseconds{
        report.document.at_pointer("/latency/receive_lateness/mean").to_number<std::int64_t>()};
  });
  EXPECT_LT(mean, milliseconds{250}) << "half of the server's delay";
}

TEST(ReceiveLateness, IsMeasuredInAnOpenLoopAndOtherwiseOnRequest) {
  const Server server;
  const auto measured = [&server](const Words& words) {
    const Report report = run_client(server.target(), words);
    return !report.document.at_pointer("/latency/receive_lateness").is_null();
  };
  const Words open{"-n", "5", "-m", "3", "-R", "1000"};
  EXPECT_TRUE(measured(open));
  EXPECT_FALSE(measured(with(open, {"--receive-lateness", "never"})));
  EXPECT_FALSE(measured({"-n", "5"}));
  EXPECT_TRUE(measured({"-n", "5", "--receive-lateness", "always"}));
}

/// Drops segments with data and passes those of a handshake.
void drop_data(int fd) {
  constexpr std::uint32_t longest_header = 60;
  sock_filter rules[] = {{BPF_LD | BPF_W | BPF_LEN, 0, 0, 0},
                         {BPF_JMP | BPF_JGT | BPF_K, 0, 1, longest_header},
                         {BPF_RET | BPF_K, 0, 0, 0},
                         {BPF_RET | BPF_K, 0, 0, 0xffffffffU}};
  const sock_fprog program{4, rules};
  ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

TEST(Retransmissions, OfLostSegmentsAreNamed) {
  const echo::Descriptor listener =
      echo::listen_on(echo::resolve("127.0.0.1", 0).front(), 16, false);
  drop_data(listener.get());  // accepted sockets inherit it
  std::thread server{[&listener] {
    std::vector<echo::Descriptor> peers;
    while (peers.size() < 3) {
      pollfd entry{listener.get(), POLLIN, 0};
      if (::poll(&entry, 1, 30'000) <= 0) return;
      peers.emplace_back(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    ::poll(nullptr, 0, 300);  // longer than the first timer of a retransmission
    const int unused = 0;
    for (const auto& peer : peers)
      ::setsockopt(peer.get(), SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
    for (const auto& peer : peers) {
      std::byte bytes[size];
      if (::recv(peer.get(), bytes, size, MSG_WAITALL) == ssize_t{size})
        ::send(peer.get(), bytes, size, MSG_NOSIGNAL);
    }
    for (const auto& peer : peers) {  // until the client's FIN
      std::byte byte{};
      ::recv(peer.get(), &byte, 1, 0);
    }
  }};
  const Report report = run_client(echo::local_endpoint(listener.get()).text(), {"-n", "3"});
  server.join();
  EXPECT_EQ(report.code, 0);
  EXPECT_GE(report.count("/latency/retransmissions/segments"), 3U);
  EXPECT_EQ(report.count("/latency/retransmissions/connections"), 3U);
  EXPECT_TRUE(report.warns("segments of this client were retransmitted (3 connections looked at)"))
      << report.out;
}

TEST(Retransmissions, OfChurnAreThoseOfOneConnectionIn16) {
  const Server server;
  const Report report = run_client(server.target(), {"-n", "32", "--mode", "churn", "-d", "300ms"});
  EXPECT_GE(report.count("/latency/retransmissions/connections"), 1U);
  EXPECT_LE(report.count("/latency/retransmissions/connections"),
            report.count("/connections/established") / 4);
}

}  // namespace
}  // namespace faults
