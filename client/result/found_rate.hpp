// The result of --find-rate: the trials of the search, and the rate with its interval.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "client/options/objective.hpp"
#include "client/schedule/plan.hpp"
#include "client/schedule/rate_search.hpp"
#include "echo/histogram.hpp"

namespace client {

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

  [[nodiscard]] bool has_answer() const {
    return end == SearchEnd::found || end == SearchEnd::ceiling || end == SearchEnd::none_holds;
  }
  [[nodiscard]] bool holds_somewhere() const {
    return end == SearchEnd::found || end == SearchEnd::ceiling;
  }
};

}  // namespace client
