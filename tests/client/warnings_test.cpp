// Each warning has its cause, and a clean run has none.
#include "client/findings/warnings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

echo::Histogram of(std::uint64_t count, std::chrono::nanoseconds each) {
  echo::Histogram histogram;
  for (std::uint64_t i = 0; i < count; ++i) histogram.record(each);
  return histogram;
}

/// A closed loop of two seconds on an idle machine. The server was busier than the client.
struct Trial {
  Costs costs;
  std::chrono::nanoseconds window = std::chrono::seconds{2};
  LoopKind loop = LoopKind::closed;
  echo::Histogram echo = of(1'000, microseconds{100});
  echo::Histogram lateness;
  echo::Histogram receive_lateness;
  limits::Load load{.runnable = 1, .one_minute = 0.5};
  std::uint64_t processors = 2;
  Absences away;

  Trial() {
    costs.client_utilisation = costs.client_busiest_thread = 0.7;
    costs.server_utilisation = costs.server_busiest_thread = 0.93;
    costs.steal = 0.001;
    costs.others = 0.02;
  }
  [[nodiscard]] std::vector<std::string> warnings() const {
    return warnings_about({.costs = costs,
                           .window = window,
                           .loop = loop,
                           .echo = echo,
                           .lateness = lateness,
                           .receive_lateness = receive_lateness,
                           .load = load,
                           .processors = processors,
                           .away = away,
                           .measured = window});
  }
};

void set_busy(Trial& run, double client, double server) {
  run.costs.client_utilisation = run.costs.client_busiest_thread = client;
  run.costs.server_utilisation = run.costs.server_busiest_thread = server;
}

TEST(Warnings, ACleanRunHasNone) {
  EXPECT_THAT(Trial().warnings(), IsEmpty());
}

TEST(Warnings, EachCauseHasItsText) {
  const struct {
    const char* cause;
    void (*spoil)(Trial&);
    const char* text;
  } rows[] = {
      {"the client's only thread is busy", [](Trial& run) { set_busy(run, 0.95, 0.8); },
       "the client is the bottleneck, one of its threads was 95 % busy; throughput"},
      {"the same in an open loop",
       [](Trial& run) {
         set_busy(run, 0.99, 0.8);
         run.loop = LoopKind::open;
       },
       "lower -R"},
      {"one of several threads",
       [](Trial& run) {
         run.costs.client_utilisation = 1.6;
         run.costs.client_busiest_thread = 0.97;
       },
       "97 % busy"},
      {"lockstep", [](Trial& run) { set_busy(run, 0.6, 0.4); },
       "client (60 % busy) and server (40 %) alternated"},
      {"lockstep, with wake-ups billed to no process", [](Trial& run) { set_busy(run, 0.5, 0.41); },
       "alternated"},
      {"steal", [](Trial& run) { run.costs.steal = 0.034; }, "took 3.4 % of this machine's time"},
      {"other programs", [](Trial& run) { run.costs.others = 0.25; },
       "others used 25 % of the machine"},
      {"runnable threads before the run", [](Trial& run) { run.load.runnable = 3; },
       "load average 0.5 on 2 processors, 2 other"},
      {"a lasting load", [](Trial& run) { run.load = {.runnable = 2, .one_minute = 2.5}; },
       "load average 2.5 on 2 processors, 1 other"},
      {"sending late",
       [](Trial& run) {
         run.loop = LoopKind::open;
         run.lateness = of(1'000, milliseconds{3});
       },
       "sent late, p99 3"},
      {"reading late",
       [](Trial& run) {
         run.echo = of(1'000, milliseconds{20});
         run.receive_lateness = of(1'000, milliseconds{5});
       },
       "the client read late: echoes lay in its sockets for up to 5"},
      {"999 echoes", [](Trial& run) { run.echo = of(999, microseconds{1}); },
       "too few echoes, 999, for p99, p99.9, p99.99:"},
      {"one echo", [](Trial& run) { run.echo = of(1, microseconds{1}); },
       "for p50, p90, p99, p99.9, p99.99:"},
      {"a short window", [](Trial& run) { run.window = milliseconds{99}; }, "was short, 99"},
  };
  for (const auto& row : rows) {
    Trial run;
    row.spoil(run);
    EXPECT_THAT(run.warnings(), ElementsAre(HasSubstr(row.text))) << row.cause;
  }
}

TEST(Warnings, AreNotGivenWithoutCause) {
  const struct {
    const char* why;
    void (*change)(Trial&);
  } rows[] = {
      {"94 % is not a bottleneck", [](Trial& run) { set_busy(run, 0.949, 0.8); }},
      {"both busy, in parallel", [](Trial& run) { set_busy(run, 0.8, 0.8); }},
      {"a server at its limit is intended", [](Trial& run) { set_busy(run, 0.1, 0.95); }},
      {"in an open loop a thread may be busy and on time",
       [](Trial& run) {
         set_busy(run, 0.99, 0.4);
         run.loop = LoopKind::open;
         run.lateness = of(1'000, microseconds{1});
       }},
      {"in an open loop a sum of one processor is chance",
       [](Trial& run) {
         set_busy(run, 0.6, 0.4);
         run.loop = LoopKind::open;
       }},
      {"several server threads that add up to half a processor",
       [](Trial& run) {
         set_busy(run, 0.5, 0.5);
         run.costs.server_busiest_thread = 0.25;
       }},
      {"a thread per connection: too many to read",
       [](Trial& run) {
         set_busy(run, 0.5, 0.5);
         run.costs.server_busiest_thread.reset();
       }},
      {"the load average is that of the last run, nothing is runnable now",
       [](Trial& run) { run.load = {.runnable = 1, .one_minute = 9}; }},
      {"one other thread on two processors", [](Trial& run) { run.load.runnable = 2; }},
      {"an unknown number of processors",
       [](Trial& run) {
         run.load.runnable = 50;
         run.processors = 0;
       }},
      {"no echo at all: other lines report that", [](Trial& run) { run.echo = {}; }},
      {"late by less than a millisecond",
       [](Trial& run) { run.lateness = of(1'000, microseconds{900}); }},
      {"reading late by less than a millisecond",
       [](Trial& run) { run.receive_lateness = of(1'000, microseconds{900}); }},
      {"reading late by a small part of the echo times",
       [](Trial& run) {
         run.echo = of(1'000, milliseconds{20});
         run.receive_lateness = of(1'000, milliseconds{3});
       }},
      {"reading late, with too few samples for a p99",
       [](Trial& run) { run.receive_lateness = of(999, milliseconds{5}); }},
      {"the echoes of a burst, read when it has been sent",
       [](Trial& run) {
         run.loop = LoopKind::burst;
         run.receive_lateness = of(1'000, milliseconds{5});
       }},
      {"all costs unknown", [](Trial& run) { run.costs = {}; }},
  };
  for (const auto& row : rows) {
    Trial run;
    row.change(run);
    EXPECT_THAT(run.warnings(), IsEmpty()) << row.why;
  }
}

TEST(Warnings, AShortWindowIsNotJudgedByItsShares) {
  Trial run;
  set_busy(run, 0.99, 0.3);
  run.costs.others = run.costs.steal = 0.5;
  run.window = milliseconds{20};
  EXPECT_THAT(run.warnings(), ElementsAre(HasSubstr("short")));
}

TEST(Warnings, TheMostSeriousComesFirst) {
  Trial run;
  set_busy(run, 0.99, 0.3);
  run.costs.others = 0.5;
  run.echo = of(10, microseconds{1});
  EXPECT_THAT(run.warnings(),
              ElementsAre(HasSubstr("bottleneck"), HasSubstr("others"), HasSubstr("too few")));
}

TEST(Warnings, ATrialWithFewSamplesIsJudgedByItsLatestSend) {
  Trial run;
  run.loop = LoopKind::open;
  run.lateness = of(20, microseconds{50});
  EXPECT_THAT(run.warnings(), IsEmpty());
  run.lateness.record(std::chrono::seconds{2});  // no p99 in 21 samples
  EXPECT_THAT(run.warnings(), ElementsAre(HasSubstr("the client sent late, at most 2 s")));
}

TEST(Warnings, AnAbsenceOfTheClientIsNotTheServers) {
  Trial run;
  run.away = {1, milliseconds{19}, milliseconds{19}};
  EXPECT_THAT(run.warnings(), IsEmpty()) << "less than 1 % of the window";
  run.away = {2, milliseconds{500}, milliseconds{400}};
  EXPECT_THAT(run.warnings(),
              ElementsAre(HasSubstr("the client itself did not run for 500 ms (25 % of the window; "
                                    "absences 2, longest 400 ms)")));
}

TEST(Warnings, AQuotaThatStoppedOneEndIsNamed) {
  Trial run;
  run.costs.client_throttled = 0;
  run.costs.server_throttled = 0;
  EXPECT_THAT(run.warnings(), IsEmpty());
  run.costs.server_throttled = 300'000'000;
  EXPECT_THAT(run.warnings(), ElementsAre(HasSubstr("cpu.max) stopped the server for 300 ms")));
  run.costs.client_throttled = 100'000'000;
  EXPECT_THAT(run.warnings(),
              ElementsAre(HasSubstr("stopped the client for 100 ms, the server for 300 ms")));
}

}  // namespace
}  // namespace client
