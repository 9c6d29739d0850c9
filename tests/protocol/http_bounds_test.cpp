// What a connection costs: memory at rest and at worst, allocations, and work for bytes that
// trickle.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "protocol/http/exchange.hpp"
#include "protocol/http/thread_memory.hpp"
#include "tests/protocol/allocation_count.hpp"
#include "tests/protocol/answer_reader.hpp"
#include "tests/protocol/http_driver.hpp"

namespace tests {
namespace {

using protocol::After;

constexpr std::size_t mebibyte = 1 << 20;
const std::string get = "GET / HTTP/1.1\r\nHost: localhost:1234\r\n\r\n";
const std::string chunked_head =
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Receives `bytes` and drops what is sent. Counts the memory that the connection keeps.
class Received {
 public:
  explicit Received(const protocol::HttpSettings& settings) : protocol_(settings) {
    receive(get);  // the room of this thread exists from now on
    kept = most = 0;
  }
  void receive(std::string_view bytes) {
    const std::ptrdiff_t before = allocations().kept;
    allocations().most_kept = before;
    for (std::size_t at = 0; at < bytes.size() && is_open();) {
      const std::size_t size = bytes.copy(piece_.data(), piece_.size(), at);
      at += size;
      after =
          protocol_.answer_to(slot, std::as_writable_bytes(std::span{piece_}.first(size))).after;
      while (after == After::go_on) after = protocol_.go_on(slot).after;
    }
    most = std::max(most, kept + allocations().most_kept - before);
    kept += allocations().kept - before;
  }
  [[nodiscard]] bool is_open() const { return after == After::read || after == After::linger; }

  protocol::ConversationSlot slot;
  After after = After::read;
  std::ptrdiff_t kept = 0;  ///< bytes of the connection
  std::ptrdiff_t most = 0;

 private:
  protocol::HttpProtocol protocol_;
  std::array<char, 1000> piece_{};
};

TEST(HttpBounds, ARequestThatComesWholeCostsNoAllocation) {
  Received connection{fixed_settings()};
  std::string requests[] = {get,
                            "HEAD /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n",
                            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                            chunked_head + "5\r\nhello\r\n0\r\n\r\n",
                            get + get + get,
                            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};
  const protocol::HttpProtocol http{fixed_settings()};
  for (std::string& request : requests) {
    protocol::ConversationSlot slot;
    allocations() = {};
    const protocol::Turn turn = http.answer_to(slot, std::as_writable_bytes(std::span{request}));
    EXPECT_NE(turn.after, After::go_on);
    EXPECT_EQ(allocations().calls, 0U) << request;
    EXPECT_EQ(slot, nullptr);
  }
}

TEST(HttpBounds, AConversationIsSmallAndEndsWithWhatWasUnfinished) {
  Received connection{fixed_settings()};
  connection.receive(get.substr(0, 20));
  EXPECT_GT(connection.kept, 0);
  EXPECT_LE(connection.kept, 700);
  connection.receive(get.substr(20));
  EXPECT_EQ(connection.slot, nullptr);
  EXPECT_EQ(connection.kept, 0);
}

TEST(HttpBounds, AHeadWithoutEndTakesNoMoreMemoryThanItsLimit) {
  for (const std::uint64_t limit : {1024U, 16384U, 65536U}) {
    protocol::HttpSettings settings = fixed_settings();
    settings.max_header = limit;
    for (const std::string& begin :
         {std::string{"GET / HTTP/1.1\r\nX: "}, std::string{"GET /"}, std::string{}}) {
      Received connection{settings};
      connection.receive(begin + std::string(mebibyte, 'x'));
      EXPECT_EQ(connection.after, After::linger);
      // What has arrived is copied once more when it grows.
      EXPECT_LE(connection.most, static_cast<std::ptrdiff_t>(2 * limit + 2048));
    }
  }
}

TEST(HttpBounds, AMebibyteOfExtensionsOrTrailersIsNotKept) {
  std::string extensions = chunked_head;
  std::string trailers = chunked_head + "0\r\n";
  while (extensions.size() < mebibyte) extensions += "1;name=value\r\nx\r\n";
  while (trailers.size() < mebibyte) trailers += "Name: value\r\n";
  const std::string one_extension = chunked_head + "1;name=\"" + std::string(mebibyte, 'x');
  for (const std::string& bytes : {extensions, trailers, one_extension}) {
    Received connection{fixed_settings()};
    connection.receive(bytes);
    EXPECT_EQ(connection.after, After::linger);
    EXPECT_LE(connection.most, 4096);
  }
}

TEST(HttpBounds, ABodyOfAnySizeIsNotKept) {
  const std::string piece(mebibyte, 'x');
  Received by_length{fixed_settings()};
  by_length.receive("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n");
  Received by_chunks{fixed_settings()};
  by_chunks.receive(chunked_head);
  Received discarded{fixed_settings()};
  discarded.receive("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n");
  for (int number = 0; number < 32; ++number) {
    by_length.receive(piece);
    by_chunks.receive("100000\r\n" + piece + "\r\n");
    discarded.receive(piece);
  }
  by_chunks.receive("0\r\n\r\n");
  for (Received* each : {&by_length, &by_chunks, &discarded}) {
    EXPECT_EQ(each->after, After::read);
    EXPECT_EQ(each->slot, nullptr);
    EXPECT_LE(each->most, 8192);
  }
}

TEST(HttpBounds, PipelinedRequestsWithoutRoomForTheirAnswersAreKeptOnce) {
  std::string many;
  while (many.size() < mebibyte) many += get;
  protocol::HttpSettings settings = fixed_settings();
  settings.buffer_size = 1000;
  Received connection{settings};
  connection.receive(many);
  EXPECT_LE(connection.most, 4096);
}

TEST(HttpBounds, TheLongestBodyBeginsAtOnce) {
  Received connection{fixed_settings()};
  const protocol::HttpProtocol http{fixed_settings()};
  std::string request = "GET /bytes/9223372036854775807 HTTP/1.1\r\nHost: a\r\n\r\n";
  protocol::Turn turn = http.answer_to(connection.slot, std::as_writable_bytes(std::span{request}));
  allocations() = {};
  for (int number = 0; number < 10000 && turn.after == After::go_on; ++number) {
    EXPECT_EQ(turn.bytes.size(), 1024U);
    turn = http.go_on(connection.slot);
  }
  EXPECT_EQ(turn.after, After::go_on);
  EXPECT_EQ(allocations().calls, 0U);
}

// Where each connection has a thread, blocks on the heap would cost each of them 1.8 KB at rest.
TEST(HttpBounds, AThreadThatLendsItsMemoryAllocatesNothing) {
  const protocol::HttpProtocol http{fixed_settings()};
  std::uint64_t calls = 1;
  bool lies_in_spare = false;
  std::thread{[&] {
    std::vector<std::byte> lent(http.bytes_per_thread() + 1);
    http.lend(std::span{lent}.subspan(1));  // not aligned
    std::string buffer = get + std::string(800, ' ');
    const auto bytes = std::as_writable_bytes(std::span{buffer});
    const auto spare = bytes.subspan(get.size());
    protocol::ConversationSlot slot;
    allocations() = {};
    const auto turn = http.answer_to(slot, bytes.first(get.size()), spare);
    calls = allocations().calls;
    lies_in_spare = turn.messages == 1 && turn.bytes.data() == spare.data();
  }}.join();
  EXPECT_EQ(calls, 0U);
  EXPECT_TRUE(lies_in_spare);
}

// An echo that does not fit into them would take two turns, and the other room as well.
TEST(HttpBounds, SpareBytesAreUsedWhereTheWholeAnswerFits) {
  const protocol::HttpProtocol http{fixed_settings()};
  for (const std::size_t size : {0U, 100U, 300U, 420U, 500U, 570U, 800U}) {
    std::string buffer =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
        std::string(size, 'x');
    const std::size_t got = buffer.size();
    buffer.resize(1024);
    const auto bytes = std::as_writable_bytes(std::span{buffer});
    protocol::ConversationSlot slot;
    const auto turn = http.answer_to(slot, bytes.first(got), bytes.subspan(got));
    EXPECT_EQ(turn.messages, 1U) << size;
    EXPECT_EQ(turn.after, After::read) << size;
    EXPECT_FALSE(slot) << size;
  }
}

// Less than the longest head: then the answer lies in memory of the protocol's own.
TEST(HttpBounds, TooFewSpareBytesAreLeftAlone) {
  const protocol::HttpProtocol http{fixed_settings()};
  std::string request = get;
  std::string spare(300, '.');
  protocol::ConversationSlot slot;
  const auto turn = http.answer_to(slot, std::as_writable_bytes(std::span{request}),
                                   std::as_writable_bytes(std::span{spare}));
  EXPECT_EQ(turn.messages, 1U);
  EXPECT_EQ(spare, std::string(300, '.'));
}

TEST(HttpBounds, EachByteOfAHeadThatTricklesIsLookedAtOnce) {
  const protocol::HttpSettings settings = fixed_settings();
  std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  request += std::string(settings.max_header - request.size() - 4, 'x') + "\r\n\r\n";
  protocol::Exchange exchange;
  std::string room(settings.buffer_size, ' ');
  const auto bytes = std::as_writable_bytes(std::span{request});
  protocol::Turn turn;
  protocol::thread_memory();  // once per thread, and not of this head
  allocations() = {};
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    EXPECT_TRUE(turn.bytes.empty());
    turn = exchange.on_received(settings, bytes.subspan(at, 1),
                                std::as_writable_bytes(std::span{room}));
  }
  EXPECT_EQ(exchange.scanned(), request.size());
  EXPECT_EQ(turn.messages, 1U);
  // Copies double in size: 1, 2, 4, ... bytes, no more than twice the head in all.
  EXPECT_LE(allocations().bytes, 2 * request.size());
}

}  // namespace
}  // namespace tests
