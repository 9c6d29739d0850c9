// --find-rate: the highest open-loop rate at which a server holds an objective, on connections that
// are already open. A RateSearch chooses the rates of short trials. The result is a rate with its
// interval.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "client/measure/tally.hpp"
#include "client/options/objective.hpp"
#include "client/schedule/plan.hpp"
#include "client/schedule/rate_search.hpp"

namespace client {

class LoopGroup;
class Watch;

/// One open-loop trial.
struct Trial {
  double rate = 0;  ///< messages/s of the schedule
  Verdict verdict = Verdict::unproven;
  std::uint64_t sent = 0;
  std::uint64_t unsent = 0;
  std::uint64_t failed = 0;  ///< connections that failed during the trial
};

/// How a search ended.
enum class SearchEnd : std::uint8_t {
  found,
  ceiling,     ///< even the highest rate tried holds the objective
  none_holds,  ///< even the lowest rate misses it
  unproven,    ///< no trial could have enough samples for the objective
  cut_short    ///< ended by a signal, the deadline or the loss of the server
};
std::string_view name_of(SearchEnd end);

struct FoundRate {
  SearchEnd end = SearchEnd::cut_short;
  RateSearch::Answer answer;    ///< only if `end` is one of the first three
  double closed_loop = 0;       ///< messages/s of the first, closed-loop part: the estimate
  Nanoseconds trial_time{};     ///< of the longest trial, without its warm-up
  std::vector<Trial> trials;    ///< in the order in which they ran
  echo::Histogram below;        ///< latencies of the trials at answer.passes_at that held
  echo::Histogram above;        ///< latencies of the trials at answer.fails_at that missed
  Nanoseconds measured_time{};  ///< total of the trials in `below`
  std::uint64_t samples_needed = 0;
  bool client_was_late = false;  ///< in a trial that did not hold: the limit may be the client's

  [[nodiscard]] bool holds_somewhere() const {
    return end == SearchEnd::found || end == SearchEnd::ceiling;
  }
};

/// Runs the trials. The group's tallies keep the trials at the rate that passed as measured, and
/// all others as warm-up.
FoundRate find_rate(LoopGroup& group, Watch& watch, const Objective& objective, bool poisson,
                    std::uint64_t seed);

}  // namespace client
