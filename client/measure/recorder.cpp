#include "client/measure/recorder.hpp"

#include <algorithm>

namespace client {
namespace {

/// A message that the client sends this long after its due time counts as late.
constexpr std::chrono::milliseconds clearly_late{1};

}  // namespace

void Recorder::begin(const Traffic& traffic) {
  traffic_ = traffic;
  if (traffic.first_echoes) {
    traffic_.measure_from = never;
    early_ = &tally_.ramp.emplace();
  } else if (traffic.measure_from > traffic.start) {
    early_ = tally_.warm_up ? &*tally_.warm_up : &tally_.warm_up.emplace();
  } else {
    early_ = &tally_.measured;
  }
  next_edge_ = traffic_.measure_from;
}

void Recorder::stop(Nanoseconds at) {
  traffic_.stop_at = std::min(traffic_.stop_at, at);
  next_edge_ = within_ ? traffic_.stop_at : never;
  advance(at);
}

void Recorder::end() {
  next_edge_ = never;
  set_within(false);
}

/// Bytes are counted by their difference, and not only with whole messages: of a large message many
/// may arrive before the first echo is complete.
void Recorder::set_within(bool within) {
  const std::uint64_t received = received_ ? received_() : 0;
  if (within_) tally_.bytes_within += received - received_before_;
  within_ = within;
  received_before_ = received;
}

/// Both edges in one call if the clock was not read in between.
void Recorder::cross_edge(Nanoseconds at) {
  while (at >= next_edge_) {
    const bool closes = next_edge_ == traffic_.stop_at;
    set_within(!closes);
    next_edge_ = closes ? never : traffic_.stop_at;
    if (traffic_.at_edge) traffic_.at_edge(closes ? Edge::closes : Edge::opens);
  }
}

void Recorder::echoed(const Flight& times, Nanoseconds at, std::uint64_t bytes) {
  Echoes& echo = part(times.due);
  ++echo.verified;
  ++verified_;
  echo.bytes_verified += bytes;
  echo.latency.record(at - times.due);
  if (traffic_.pace && times.due >= traffic_.measure_from) tally_.wire.record(at - times.sent);
  if (interval_) interval_->record(at - times.due);
  if (within_) ++tally_.echoes_within;
}

void Recorder::lateness(Nanoseconds due, Nanoseconds at) {
  if (due >= traffic_.measure_from) tally_.lateness.record(at - due);
  if (at - due >= clearly_late) ++part(due).late;
}

void Recorder::never_sent(Nanoseconds due, Nanoseconds until, std::uint64_t times) {
  Echoes& echoes = part(due);
  echoes.unsent += times;
  echoes.latency.record_censored(until - due, times);
}

}  // namespace client
