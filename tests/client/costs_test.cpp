// The costs: differences of samples, and nullopt for a figure unless all its parts were read.
#include "client/findings/cost_accounting.hpp"

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

/// A run of 101 connections for which everything was read.
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
  // A window of 10 ms on two processors.
  moments.end.at = moments.end.looked_at = moments.begin.at + milliseconds{10};
  moments.begin.busy = limits::Busy{
      .busy = milliseconds{1'000}, .steal = milliseconds{5}, .switches = 100, .processors = 2};
  moments.end.busy = limits::Busy{
      .busy = milliseconds{1'020}, .steal = milliseconds{6}, .switches = 4'100, .processors = 2};
  moments.begin.client_threads = {{{7, milliseconds{1}, milliseconds{0}, 10}}};
  moments.end.client_threads = {{{7, milliseconds{6}, milliseconds{3}, 1'010}}};
  moments.begin.server_threads = {
      {{8, milliseconds{50}, milliseconds{0}, 5}, {9, milliseconds{50}, milliseconds{0}, 5}}};
  moments.end.server_threads = {{{8, milliseconds{51}, milliseconds{0}, 505},
                                 {9, milliseconds{52}, milliseconds{0}, 505},
                                 {12, milliseconds{4}, milliseconds{0}, 1'000}}};

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
  moments.before.tcp = {.listen_overflows = 1,
                        .listen_drops = 1,
                        .retransmitted_segments = 5,
                        .syn_retransmits = 1,
                        .syn_cookies_sent = 0,
                        .time_wait = 9,
                        .time_wait_recycled = 2,
                        .time_wait_overflow = 3};
  moments.after.tcp = {.listen_overflows = 4,
                       .listen_drops = 1,
                       .retransmitted_segments = 6,
                       .syn_retransmits = 3,
                       .syn_cookies_sent = 0,
                       .time_wait = 110,
                       .time_wait_recycled = 42,
                       .time_wait_overflow = 3};
  return moments;
}

TEST(Costs, DivideTheCpuTimeOfTheEchoPhaseByTheEchoes) {
  const Costs costs = costs_of(complete(), echoes);
  EXPECT_EQ(costs.client_per_echo, 5'000U);
  EXPECT_EQ(costs.server_per_echo, 7'000U);
  EXPECT_EQ(costs.softirq_per_echo, 1'000U);
  EXPECT_EQ(costs.total_per_echo, 13'000U);
  EXPECT_EQ(costs.unattributed_per_echo, 7'000U) << "the machine was busy for 20 us per echo";
}

TEST(Costs, AddUpToTheBusyTime) {
  const Costs costs = costs_of(complete(), echoes);
  EXPECT_EQ(costs.busy_per_echo, *costs.total_per_echo + *costs.unattributed_per_echo);
  EXPECT_NEAR(*costs.others, 0.35, 1e-9) << "7 of 20 ms";
  EXPECT_NEAR(*costs.steal, 0.05, 1e-9);
}

TEST(Costs, TicksBelowTheClocksLeaveNothingUnattributedOrMakeItUnknown) {
  const auto unattributed = [](std::chrono::nanoseconds seen) {
    Moments moments = complete();
    moments.end.server_cpu = *moments.begin.server_cpu + milliseconds{94};
    moments.end.busy->busy = moments.begin.busy->busy + seen;
    return costs_of(moments, echoes).unattributed_per_echo;
  };
  const std::chrono::nanoseconds attributed = milliseconds{5 + 94 + 1};
  EXPECT_EQ(unattributed(attributed - 2 * limits::tick()), 0U) << "a tick per processor";
  EXPECT_EQ(unattributed(attributed - 2 * limits::tick() - milliseconds{1}), 0U)
      << "a millisecond was stolen, which the clocks include";
  EXPECT_EQ(unattributed(attributed - 2 * limits::tick() - milliseconds{2}), std::nullopt);
}

// Bug: on a half-busy machine the ticks of some seconds were 30 to 80 ms below the clocks, and the
// unattributed costs were reported as unknown.
TEST(Costs, UnattributedIsUnknownOnlyIfTheTicksMissMoreThanByChance) {
  const auto unattributed = [](std::chrono::nanoseconds missed) {
    Moments moments = complete();
    moments.end.at = moments.end.looked_at = moments.begin.at + std::chrono::seconds{4};
    moments.end.server_cpu = *moments.begin.server_cpu + milliseconds{3'994};
    moments.end.busy->busy = moments.begin.busy->busy + std::chrono::seconds{4} - missed;
    return costs_of(moments, echoes).unattributed_per_echo;
  };
  // At least 800 samples, half of them busy: 400, with a standard deviation of 14.1. The bound is
  // three times that, plus two ticks at the edges.
  EXPECT_EQ(unattributed(milliseconds{440}), 0U);
  EXPECT_EQ(unattributed(milliseconds{450}), std::nullopt);
}

TEST(Costs, ReportTheBusiestThreadPerSide) {
  const Costs costs = costs_of(complete(), echoes);
  EXPECT_NEAR(*costs.client_busiest_thread, 0.5, 1e-9);
  EXPECT_NEAR(*costs.server_busiest_thread, 0.4, 1e-9) << "a thread created within the window";
  EXPECT_NEAR(*costs.client_utilisation, 0.5, 1e-9);
  EXPECT_NEAR(*costs.server_utilisation, 0.7, 1e-9) << "all its threads together";
  EXPECT_NEAR(*costs.client_waited, 0.3, 1e-9);
}

TEST(Costs, AThreadUsesAtMostOneProcessor) {
  Moments moments = complete();
  moments.end.client_threads->front().cpu = milliseconds{12};
  EXPECT_DOUBLE_EQ(*costs_of(moments, echoes).client_busiest_thread, 1.0);
}

TEST(Costs, CountContextSwitchesPerEcho) {
  Moments moments = complete();
  const Costs costs = costs_of(moments, echoes);
  EXPECT_NEAR(*costs.client_switches_per_echo, 1, 1e-9);
  EXPECT_NEAR(*costs.server_switches_per_echo, 2, 1e-9);
  EXPECT_NEAR(*costs.machine_switches_per_echo, 4, 1e-9);

  moments.end.server_threads->erase(moments.end.server_threads->begin());
  const Costs without = costs_of(moments, echoes);
  EXPECT_EQ(without.server_switches_per_echo, std::nullopt) << "those of an ended thread are lost";
  EXPECT_TRUE(without.server_busiest_thread);

  moments.end.server_threads.reset();  // too many
  EXPECT_EQ(costs_of(moments, echoes).server_busiest_thread, std::nullopt);
}

TEST(Costs, DivideMemoryByTheConnectionsAdded) {
  const Costs costs = costs_of(complete(), echoes);
  EXPECT_EQ(costs.client_resident, 200U);
  EXPECT_EQ(costs.server_resident, 10'000U);
  EXPECT_EQ(costs.slab, 400'000U);
  EXPECT_EQ(costs.page_tables, 100'000U);
  EXPECT_EQ(costs.socket, 0U) << "a decrease is noise from the rest of the machine";
  EXPECT_EQ(costs.total, 500U) << "free memory decreased";
  EXPECT_EQ(costs.kernel_per_connection, 5'000U);
}

TEST(Costs, CountTheKernelsEventsSinceBeforeTheRamp) {
  const Costs costs = costs_of(complete(), echoes);
  EXPECT_EQ(costs.listen_overflows, 3U);
  EXPECT_EQ(costs.listen_drops, 0U);
  EXPECT_EQ(costs.retransmitted_segments, 1U);
  EXPECT_EQ(costs.syn_retransmits, 2U);
  EXPECT_EQ(costs.time_wait, 110U) << "the value itself, not the increase";
  EXPECT_EQ(costs.time_wait_recycled, 40U);
  EXPECT_EQ(costs.time_wait_overflow, 0U);
}

using Figure = std::optional<std::uint64_t> Costs::*;

TEST(Costs, AFigureIsUnknownUnlessAllItsPartsWereRead) {
  struct Row {
    const char* unread;
    void (*forget)(Moments&);
    std::vector<Figure> unknown;
  };
  const Row rows[] = {
      {"the server's CPU",
       [](Moments& r) { r.end.server_cpu.reset(); },
       {&Costs::server_per_echo, &Costs::total_per_echo, &Costs::unattributed_per_echo}},
      {"the softirq threads",
       [](Moments& r) { r.begin.softirq_cpu.reset(); },
       {&Costs::softirq_per_echo, &Costs::total_per_echo, &Costs::unattributed_per_echo}},
      {"/proc/stat", [](Moments& r) { r.end.busy.reset(); }, {&Costs::unattributed_per_echo}},
      {"the server", [](Moments& r) { r.end.server.reset(); }, {&Costs::server_resident}},
      {"its memory", [](Moments& r) { r.before.server->rss.reset(); }, {&Costs::server_resident}},
      {"slab",
       [](Moments& r) { r.before.machine.slab.reset(); },
       {&Costs::slab, &Costs::kernel_per_connection}},
      {"kernel stacks",
       [](Moments& r) { r.end.machine.kernel_stack.reset(); },
       {&Costs::kernel_stack, &Costs::kernel_per_connection}},
      {"only one connection",
       [](Moments& r) { r.end.connections = 1; },
       {&Costs::client_resident, &Costs::server_resident, &Costs::kernel_per_connection}},
      {"/proc/net/netstat",
       [](Moments& r) { r.after.tcp = {}; },
       {&Costs::listen_overflows, &Costs::listen_drops, &Costs::syn_cookies_sent}},
  };
  for (const Row& row : rows) {
    Moments moments = complete();
    row.forget(moments);
    const Costs costs = costs_of(moments, echoes);
    for (const Figure figure : row.unknown) EXPECT_EQ(costs.*figure, std::nullopt) << row.unread;
  }
}

// Bug: two clients of one server each reported the server's whole CPU time per echo of its own.
TEST(Costs, OfAServerWithOtherClientsAreUnknown) {
  Moments moments = complete();
  moments.other_connections = 0;
  EXPECT_EQ(costs_of(moments, echoes).server_per_echo, 7'000U);
  moments.other_connections = 1;
  const Costs costs = costs_of(moments, echoes);
  for (const Figure figure :
       {&Costs::server_per_echo, &Costs::total_per_echo, &Costs::unattributed_per_echo,
        &Costs::server_resident, &Costs::kernel_per_connection, &Costs::total_per_connection}) {
    EXPECT_EQ(costs.*figure, std::nullopt);
  }
  EXPECT_EQ(costs.client_per_echo, 5'000U) << "the client's own are known";
  EXPECT_EQ(costs.client_resident, 200U);
  EXPECT_EQ(costs.other_connections, 1U);
}

TEST(Costs, CountTheDropsOfTheServersOwnListeners) {
  Moments moments = complete();
  EXPECT_EQ(costs_of(moments, echoes).listener_drops, std::nullopt);
  moments.listeners_before = ListenerState{.drops = 4, .backlog = 128};
  moments.listeners_after = ListenerState{.drops = 11, .backlog = 128};
  EXPECT_EQ(costs_of(moments, echoes).listener_drops, 7U);
}

TEST(Costs, WithoutEchoesCostsPerEchoAreUnknown) {
  const Costs costs = costs_of(complete(), 0);
  EXPECT_EQ(costs.client_per_echo, std::nullopt);
  EXPECT_EQ(costs.total_per_echo, std::nullopt);
  EXPECT_EQ(costs.unattributed_per_echo, std::nullopt);
}

TEST(Observe, ResidentPerConnectionIsUnknownWithoutBothSamplesAndConnections) {
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
