// The books: differences of samples, and no figure where a part of it was not read.
#include "client/books.hpp"

#include <gtest/gtest.h>

namespace client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

limits::Usage resident(std::uint64_t bytes) {
  limits::Usage usage;
  usage.rss = bytes;
  return usage;
}

/// A run of 101 connections and 1,000 echoes, of which everything was read.
Result complete() {
  Result result;
  result.tally.verified = 1'000;
  result.before.connections = 1;
  result.echoed.connections = 101;

  result.standing.client_cpu = milliseconds{10};
  result.echoed.client_cpu = milliseconds{15};
  result.standing.server_cpu = milliseconds{100};
  result.echoed.server_cpu = milliseconds{107};
  result.standing.softirq_cpu = milliseconds{0};
  result.echoed.softirq_cpu = milliseconds{1};
  result.standing.busy = limits::Busy{.busy = milliseconds{1'000}};
  result.echoed.busy = limits::Busy{.busy = milliseconds{1'020}};

  result.before.client = resident(1'000'000);
  result.echoed.client = resident(1'020'000);
  result.before.server = resident(2'000'000);
  result.echoed.server = resident(3'000'000);
  result.before.machine = {
      .free = 900, .anon = 10, .slab = 1'000, .kernel_stack = 200, .page_tables = 30, .socket = 4};
  result.echoed.machine = {.free = 400,
                           .anon = 60,
                           .slab = 401'000,
                           .kernel_stack = 200,
                           .page_tables = 100'030,
                           .socket = 0};
  result.before.tcp = {
      .listen_overflows = 1, .listen_drops = 1, .retransmitted_segments = 5, .syn_cookies_sent = 0};
  result.after.tcp = {
      .listen_overflows = 4, .listen_drops = 1, .retransmitted_segments = 6, .syn_cookies_sent = 0};
  return result;
}

TEST(Books, ShareTheCpuOfTheEchoPhaseOut) {
  const Books books = books_of(complete());
  EXPECT_EQ(books.client_per_echo, 5'000U);
  EXPECT_EQ(books.server_per_echo, 7'000U);
  EXPECT_EQ(books.softirq_per_echo, 1'000U);
  EXPECT_EQ(books.total_per_echo, 13'000U);
  EXPECT_EQ(books.unattributed_per_echo, 7'000U) << "the machine was busy for 20 us an echo";
}

TEST(Books, DivideMemoryByTheConnectionsAdded) {
  const Books books = books_of(complete());
  EXPECT_EQ(books.client_resident, 200U);
  EXPECT_EQ(books.server_resident, 10'000U);
  EXPECT_EQ(books.slab, 400'000U);
  EXPECT_EQ(books.page_tables, 100'000U);
  EXPECT_EQ(books.socket, 0U) << "what shrank did not grow: noise of the rest of the machine";
  EXPECT_EQ(books.total, 500U) << "free memory shrank";
  EXPECT_EQ(books.kernel_per_connection, 5'000U);
}

TEST(Books, CountTheKernelsEventsSinceBeforeTheRamp) {
  const Books books = books_of(complete());
  EXPECT_EQ(books.listen_overflows, 3U);
  EXPECT_EQ(books.listen_drops, 0U);
  EXPECT_EQ(books.retransmitted_segments, 1U);
}

using Figure = std::optional<std::uint64_t> Books::*;

TEST(Books, AFigureWhosePartWasNotReadIsUnknown) {
  struct Row {
    const char* unread;
    void (*forget)(Result&);
    std::vector<Figure> unknown;
  };
  const Row rows[] = {
      {"the server's CPU",
       [](Result& r) { r.echoed.server_cpu.reset(); },
       {&Books::server_per_echo, &Books::total_per_echo, &Books::unattributed_per_echo}},
      {"the softirq threads",
       [](Result& r) { r.standing.softirq_cpu.reset(); },
       {&Books::softirq_per_echo, &Books::total_per_echo, &Books::unattributed_per_echo}},
      {"/proc/stat", [](Result& r) { r.echoed.busy.reset(); }, {&Books::unattributed_per_echo}},
      {"no echo came back",
       [](Result& r) { r.tally.verified = 0; },
       {&Books::client_per_echo, &Books::total_per_echo, &Books::unattributed_per_echo}},
      {"the server", [](Result& r) { r.echoed.server.reset(); }, {&Books::server_resident}},
      {"its memory", [](Result& r) { r.before.server->rss.reset(); }, {&Books::server_resident}},
      {"slab",
       [](Result& r) { r.before.machine.slab.reset(); },
       {&Books::slab, &Books::kernel_per_connection}},
      {"kernel stacks",
       [](Result& r) { r.echoed.machine.kernel_stack.reset(); },
       {&Books::kernel_stack, &Books::kernel_per_connection}},
      {"only one connection",
       [](Result& r) { r.echoed.connections = 1; },
       {&Books::client_resident, &Books::server_resident, &Books::kernel_per_connection}},
      {"/proc/net/netstat",
       [](Result& r) { r.after.tcp = {}; },
       {&Books::listen_overflows, &Books::listen_drops, &Books::syn_cookies_sent}},
  };
  for (const Row& row : rows) {
    Result result = complete();
    row.forget(result);
    const Books books = books_of(result);
    for (const Figure figure : row.unknown) EXPECT_EQ(books.*figure, std::nullopt) << row.unread;
  }
}

TEST(Observe, ResidentPerConnectionIsUnknownRatherThanWrong) {
  limits::Usage unread;
  EXPECT_EQ(resident_per_connection(resident(1'000), resident(3'000), 10), 200U);
  EXPECT_EQ(resident_per_connection(resident(3'000), resident(1'000), 10), 0U);
  EXPECT_EQ(resident_per_connection(resident(1'000), resident(3'000), 0), std::nullopt);
  EXPECT_EQ(resident_per_connection(std::nullopt, resident(3'000), 10), std::nullopt);
  EXPECT_EQ(resident_per_connection(resident(1'000), std::nullopt, 10), std::nullopt);
  EXPECT_EQ(resident_per_connection(unread, resident(3'000), 10), std::nullopt);
  EXPECT_EQ(resident_per_connection(resident(1'000), unread, 10), std::nullopt);
}

}  // namespace
}  // namespace client
