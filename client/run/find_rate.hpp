// --find-rate: the highest open-loop rate that a server holds at an objective, on connections that
// stand already. Short trials at rates that a RateSearch chooses; what they found, with its
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
  double rate = 0;  ///< messages/s asked for
  Verdict verdict = Verdict::unproven;
  std::uint64_t sent = 0;
  std::uint64_t unsent = 0;
  std::uint64_t failed = 0;  ///< connections that failed meanwhile
};

/// How a search ended.
enum class SearchEnd : std::uint8_t {
  found,
  ceiling,     ///< even the highest rate tried holds
  none_holds,  ///< even the lowest misses
  unproven,    ///< no trial could have had the samples that the objective needs
  cut_short    ///< by a signal, the deadline or the server's end
};
std::string_view name_of(SearchEnd end);

struct FoundRate {
  SearchEnd end = SearchEnd::cut_short;
  RateSearch::Answer answer;    ///< only where `end` is one of the first three
  double closed_loop = 0;       ///< messages/s of the first look, which gives the estimate
  Nanoseconds trial_time{};     ///< of the measured part of each; longer where samples were too few
  std::vector<Trial> trials;    ///< in the order in which they ran
  echo::Histogram below;        ///< latencies of the trials at answer.passes_at that held
  echo::Histogram above;        ///< of those at answer.fails_at that missed
  Nanoseconds measured_time{};  ///< of those that are in `below`
  std::uint64_t samples_needed = 0;
  bool client_was_late = false;  ///< a trial failed while the client itself was late: its limit

  [[nodiscard]] bool holds_somewhere() const {
    return end == SearchEnd::found || end == SearchEnd::ceiling;
  }
};

/// Runs the trials. The group's tallies keep as measured those at the rate that passed, and the
/// others as warm-up.
FoundRate find_rate(LoopGroup& group, Watch& watch, const Objective& objective, bool poisson,
                    std::uint64_t seed);

}  // namespace client
