// The warnings of a whole run: whose sockets and counters they are about, and the advice that fits.
#include "client/findings/run_warnings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/client/results.hpp"

namespace client {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Result overflowed(std::uint64_t machine_drops) {
  Result result = fixtures::held();
  result.moments.before.tcp.listen_drops = 100;
  result.moments.after.tcp.listen_drops = 100 + machine_drops;
  return result;
}

// Bug: a neighbour's overflow was told as "raise the server's --backlog".
TEST(RunWarnings, AnOverflowOfANeighboursQueueIsNotTheServers) {
  Result result = overflowed(50);
  result.moments.listeners_before = result.moments.listeners_after = ListenerState{7, 4'096};
  EXPECT_THAT(warnings_of(result), Not(Contains(HasSubstr("overflowed"))));
}

TEST(RunWarnings, AnOverflowOfTheServersQueueIsToldByItsListener) {
  Result result = overflowed(50);
  result.moments.listeners_before = ListenerState{7, 128};
  result.moments.listeners_after = ListenerState{19, 128};
  EXPECT_THAT(warnings_of(result),
              Contains("the server's accept queue overflowed: its listener dropped 12, its queue "
                       "holds 128; raise the server's --backlog (and net.core.somaxconn)"));
}

TEST(RunWarnings, AnOverflowThatOnlyTheMachineCountsIsSomewhereOnIt) {
  EXPECT_THAT(warnings_of(overflowed(50)),
              Contains(AllOf(HasSubstr("somewhere on this machine: ListenDrops +50"),
                             HasSubstr("if it was the server's"))));
  EXPECT_THAT(warnings_of(overflowed(0)), Not(Contains(HasSubstr("overflowed"))));
}

TEST(RunWarnings, OtherClientsOfTheServerAreNamed) {
  Result result = fixtures::held();
  result.moments.other_connections = 0;
  EXPECT_THAT(warnings_of(result), Not(Contains(HasSubstr("other clients"))));
  result.moments.other_connections = 1'200;
  EXPECT_THAT(warnings_of(result),
              Contains(HasSubstr("the server has 1,200 connections of other clients")));
}

// Bug: each was told as "ran out, limits names it", which limits does not.
TEST(RunWarnings, UsedUpPortsHaveTheirOwnAdvice) {
  struct Case {
    const char* target;
    Mode mode;
    const char* source;
    const char* advice;
  };
  const Case cases[] = {
      {"::1", Mode::churn, nullptr, "use 127.0.0.1, which has 127/8"},
      {"127.0.0.1", Mode::churn, "127.0.0.1", "close without TIME_WAIT (--linger-reset)"},
      {"127.0.0.1", Mode::hold, "127.0.0.1", "give more addresses (--source)"},
      {"127.0.0.1", Mode::hold, nullptr, "several ports"},
      {"192.0.2.1", Mode::hold, nullptr, "give more addresses (--source)"},
  };
  for (const Case& each : cases) {
    Result result = fixtures::held();
    result.target = echo::resolve(each.target, 1234).front();
    result.options.mode = each.mode;
    if (each.source != nullptr) result.options.sources = {parse_source(each.source)};
    result.moments.after.tcp.time_wait = 28'000;
    result.tally.end({Outcome::local_limit, Phase::connect, EADDRNOTAVAIL});
    EXPECT_THAT(
        warnings_of(result),
        Contains(AllOf(HasSubstr("1 connects found no free local port"), HasSubstr(each.advice),
                       HasSubstr("28,000 sockets are in TIME_WAIT somewhere on this"))));
    EXPECT_THAT(warnings_of(result), Not(Contains(HasSubstr("limits -n"))));
  }
  Result result = fixtures::held();
  result.tally.end({Outcome::local_limit, Phase::connect, EMFILE});
  EXPECT_THAT(warnings_of(result), Contains(HasSubstr("`limits -n 200` names it")));
}

TEST(RunWarnings, RetransmissionsOfTheRunsOwnConnectionsAreNamed) {
  Result result = fixtures::held();
  result.tally.retransmissions = {0, 200};
  EXPECT_THAT(warnings_of(result), Not(Contains(HasSubstr("retransmitted"))));
  result.tally.retransmissions.segments = 1'234;
  EXPECT_THAT(warnings_of(result),
              Contains(HasSubstr("1,234 segments of this client were retransmitted (200 "
                                 "connections looked at): their echoes may have waited")));
  result.options.target = {"localhost", 80, 80, "/"};
  EXPECT_THAT(warnings_of(result), Contains(HasSubstr("their responses may have waited")));
}

TEST(RunWarnings, UsedUpPortsUnderHttpAreNotAnsweredWithAPortRange) {
  Result result = fixtures::held();
  result.options.target = {"127.0.0.1", 80, 80, "/"};
  result.tally.end({Outcome::local_limit, Phase::connect, EADDRNOTAVAIL});
  EXPECT_THAT(warnings_of(result), Contains(HasSubstr("give more addresses (--source)")));
  EXPECT_THAT(warnings_of(result), Not(Contains(HasSubstr("several ports"))));
}

TEST(RunWarnings, WhatAnHttpServerDoesWithItsConnectionsHasItsAdvice) {
  Result result = fixtures::held();
  result.options.target = {"localhost", 80, 80, "/"};
  EXPECT_THAT(warnings_of(result), Not(Contains(HasSubstr("the server"))));
  for (int i = 0; i < 3; ++i) result.tally.end({Outcome::stale_connection, Phase::echo, 0});
  result.tally.end({Outcome::closed_by_server, Phase::idle, 0});
  result.tally.first_fault = FirstFault{7, 2, "no status line"};
  EXPECT_THAT(
      warnings_of(result),
      AllOf(Contains(HasSubstr("closed 3 connections just as a request went out")),
            Contains(HasSubstr("ended 1 connections before their plan was complete: it closes idle "
                               "ones sooner than -d")),
            Contains("parse_error: the first, on connection 7, message 2: no status line")));
  result.options.mode = Mode::churn;
  EXPECT_THAT(warnings_of(result), Contains(HasSubstr("use a smaller -m")));
}

TEST(RunWarnings, AServerPidThatDoesNotListenIsNamed) {
  Result result = fixtures::held();
  result.options.server_pid = 4'711;
  EXPECT_THAT(warnings_of(result), Not(Contains(HasSubstr("--server-pid"))));
  result.other_listener = "4712 (echo_async)";
  EXPECT_THAT(warnings_of(result),
              Contains("--server-pid 4711: neither it nor a descendant of it listens at "
                       "127.0.0.1:1234, process 4712 (echo_async) does; the server's CPU and "
                       "memory are those of 4711"));
}

}  // namespace
}  // namespace client
