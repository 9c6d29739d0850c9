// The books: differences of samples, and no figure where a part of it was not read.
#include "client/books.hpp"

#include <gtest/gtest.h>

namespace client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint64_t echoes = 1'000;

limits::Usage resident(std::uint64_t bytes) {
  limits::Usage usage;
  usage.rss = bytes;
  return usage;
}

/// A run of 101 connections, of which everything was read.
Moments complete() {
  Moments moments;
  moments.before.connections = 1;
  moments.end.connections = 101;

  moments.begin.client_cpu = milliseconds{10};
  moments.end.client_cpu = milliseconds{15};
  moments.begin.server_cpu = milliseconds{100};
  moments.end.server_cpu = milliseconds{107};
  moments.begin.softirq_cpu = milliseconds{0};
  moments.end.softirq_cpu = milliseconds{1};
  moments.begin.busy = limits::Busy{.busy = milliseconds{1'000}};
  moments.end.busy = limits::Busy{.busy = milliseconds{1'020}};

  moments.before.client = resident(1'000'000);
  moments.end.client = resident(1'020'000);
  moments.before.server = resident(2'000'000);
  moments.end.server = resident(3'000'000);
  moments.before.machine = {
      .free = 900, .anon = 10, .slab = 1'000, .kernel_stack = 200, .page_tables = 30, .socket = 4};
  moments.end.machine = {.free = 400,
                         .anon = 60,
                         .slab = 401'000,
                         .kernel_stack = 200,
                         .page_tables = 100'030,
                         .socket = 0};
  moments.before.tcp = {
      .listen_overflows = 1, .listen_drops = 1, .retransmitted_segments = 5, .syn_cookies_sent = 0};
  moments.after.tcp = {
      .listen_overflows = 4, .listen_drops = 1, .retransmitted_segments = 6, .syn_cookies_sent = 0};
  return moments;
}

TEST(Books, ShareTheCpuOfTheEchoPhaseOut) {
  const Books books = books_of(complete(), echoes);
  EXPECT_EQ(books.client_per_echo, 5'000U);
  EXPECT_EQ(books.server_per_echo, 7'000U);
  EXPECT_EQ(books.softirq_per_echo, 1'000U);
  EXPECT_EQ(books.total_per_echo, 13'000U);
  EXPECT_EQ(books.unattributed_per_echo, 7'000U) << "the machine was busy for 20 us an echo";
}

TEST(Books, DivideMemoryByTheConnectionsAdded) {
  const Books books = books_of(complete(), echoes);
  EXPECT_EQ(books.client_resident, 200U);
  EXPECT_EQ(books.server_resident, 10'000U);
  EXPECT_EQ(books.slab, 400'000U);
  EXPECT_EQ(books.page_tables, 100'000U);
  EXPECT_EQ(books.socket, 0U) << "what shrank did not grow: noise of the rest of the machine";
  EXPECT_EQ(books.total, 500U) << "free memory shrank";
  EXPECT_EQ(books.kernel_per_connection, 5'000U);
}

TEST(Books, CountTheKernelsEventsSinceBeforeTheRamp) {
  const Books books = books_of(complete(), echoes);
  EXPECT_EQ(books.listen_overflows, 3U);
  EXPECT_EQ(books.listen_drops, 0U);
  EXPECT_EQ(books.retransmitted_segments, 1U);
}

using Figure = std::optional<std::uint64_t> Books::*;

TEST(Books, AFigureWhosePartWasNotReadIsUnknown) {
  struct Row {
    const char* unread;
    void (*forget)(Moments&);
    std::vector<Figure> unknown;
  };
  const Row rows[] = {
      {"the server's CPU",
       [](Moments& r) { r.end.server_cpu.reset(); },
       {&Books::server_per_echo, &Books::total_per_echo, &Books::unattributed_per_echo}},
      {"the softirq threads",
       [](Moments& r) { r.begin.softirq_cpu.reset(); },
       {&Books::softirq_per_echo, &Books::total_per_echo, &Books::unattributed_per_echo}},
      {"/proc/stat", [](Moments& r) { r.end.busy.reset(); }, {&Books::unattributed_per_echo}},
      {"the server", [](Moments& r) { r.end.server.reset(); }, {&Books::server_resident}},
      {"its memory", [](Moments& r) { r.before.server->rss.reset(); }, {&Books::server_resident}},
      {"slab",
       [](Moments& r) { r.before.machine.slab.reset(); },
       {&Books::slab, &Books::kernel_per_connection}},
      {"kernel stacks",
       [](Moments& r) { r.end.machine.kernel_stack.reset(); },
       {&Books::kernel_stack, &Books::kernel_per_connection}},
      {"only one connection",
       [](Moments& r) { r.end.connections = 1; },
       {&Books::client_resident, &Books::server_resident, &Books::kernel_per_connection}},
      {"/proc/net/netstat",
       [](Moments& r) { r.after.tcp = {}; },
       {&Books::listen_overflows, &Books::listen_drops, &Books::syn_cookies_sent}},
  };
  for (const Row& row : rows) {
    Moments moments = complete();
    row.forget(moments);
    const Books books = books_of(moments, echoes);
    for (const Figure figure : row.unknown) EXPECT_EQ(books.*figure, std::nullopt) << row.unread;
  }
}

TEST(Books, WithoutAnEchoNothingCostsAnything) {
  const Books books = books_of(complete(), 0);
  EXPECT_EQ(books.client_per_echo, std::nullopt);
  EXPECT_EQ(books.total_per_echo, std::nullopt);
  EXPECT_EQ(books.unattributed_per_echo, std::nullopt);
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
