// --find-rate: the highest open-loop rate that a server holds at an objective, on connections that
// stand already. Short trials at rates that a RateSearch chooses; what they found, with its
// interval.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/objective.hpp"
#include "client/plan.hpp"
#include "client/rate_search.hpp"
#include "client/tally.hpp"

namespace client {

class Crew;
class Watch;

/// One open-loop trial.
struct Trial {
  double rate = 0;  ///< messages/s asked for
  Verdict verdict = Verdict::unproven;
  std::uint64_t sent = 0;
  std::uint64_t unsent = 0;
  std::uint64_t failed = 0;  ///< connections that failed meanwhile
};

struct FoundRate {
  RateSearch::Answer answer;
  double closed_loop = 0;     ///< messages/s of the first look, which gives the estimate
  Nanoseconds trial_time{};   ///< of the measured part of each; longer where samples were too few
  std::vector<Trial> trials;  ///< in the order in which they ran
  echo::Histogram below;      ///< latencies of the trials at answer.passes_at, if there is one
  echo::Histogram above;      ///< and of those at answer.fails_at
  bool client_was_late = false;  ///< a trial failed while the client itself was late: its limit
};

/// Runs the trials. The crew's tallies keep what they sent as warm-up, and as measured the trials
/// at the rate that passed.
FoundRate find_rate(Crew& crew, Watch& watch, const Objective& objective, bool poisson,
                    std::uint64_t seed);

}  // namespace client
