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
  sampler_.begin(traffic_);
  next_edge_ = traffic_.measure_from;
  look_next();
}

void Recorder::stop(Nanoseconds at) {
  traffic_.stop_at = std::min(traffic_.stop_at, at);
  next_edge_ = within_ ? traffic_.stop_at : never;
  look_next();
  advance(at);
}

void Recorder::end() {
  next_edge_ = next_look_ = never;
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
void Recorder::look(Nanoseconds at) {
  if (within_) end_intervals(at);
  while (at >= next_edge_) {
    cross_edge();
    if (within_) end_intervals(at);
  }
  look_next();
}

void Recorder::cross_edge() {
  const bool closes = next_edge_ == traffic_.stop_at;
  set_within(!closes);
  next_edge_ = closes ? never : traffic_.stop_at;
  const echo::Histogram& latency = tally_.measured.latency;
  if (!closes) sampler_.begin_intervals(latency.count(), latency.sum());
  if (traffic_.at_edge) traffic_.at_edge(closes ? Edge::closes : Edge::opens);
}

/// Ends the intervals that were over by `at`. If several were, their echoes belong to the first:
/// the loop did not read in the others.
void Recorder::end_intervals(Nanoseconds at) {
  const echo::Histogram& latency = tally_.measured.latency;
  while (sampler_.next_interval(traffic_.measure_from) <= std::min(at, traffic_.stop_at))
    sampler_.end_interval(latency.count(), latency.sum());
}

void Recorder::look_next() {
  next_look_ =
      within_ ? std::min(next_edge_, sampler_.next_interval(traffic_.measure_from)) : next_edge_;
}

void Recorder::echoed(const Flight& times, Nanoseconds at, std::uint64_t bytes) {
  Echoes& echo = part(times.due);
  ++echo.verified;
  ++verified_;
  echo.bytes_verified += bytes;
  echo.latency.record(at - times.due);
  if (traffic_.pace && times.due >= traffic_.measure_from) {
    tally_.wire.record(at - times.sent);
    sampler_.echoed(at - times.due);
  }
  if (interval_) interval_->record(at - times.due);
  if (within_) ++tally_.echoes_within;
}

void Recorder::lateness(Nanoseconds due, Nanoseconds at) {
  if (due >= traffic_.measure_from) {
    tally_.lateness.record(at - due);
    sampler_.sent(at);
  }
  if (at - due >= clearly_late) ++part(due).late;
}

void Recorder::never_sent(Nanoseconds due, Nanoseconds until, std::uint64_t times) {
  Echoes& echoes = part(due);
  echoes.unsent += times;
  echoes.latency.record_censored(until - due, times);
}

}  // namespace client
