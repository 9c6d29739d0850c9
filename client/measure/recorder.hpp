// Records what happens to each message under the phase in which it was due: ramp, warm-up or the
// measured phase. Pure: times are arguments.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "client/connection/connection.hpp"
#include "client/measure/sampler.hpp"
#include "client/measure/tally.hpp"
#include "client/schedule/plan.hpp"

namespace client {

class Recorder {
 public:
  /// `keep_interval`: also a histogram of the latencies since the last progress. `received` returns
  /// the bytes received so far; empty: they are not counted.
  Recorder(Tally& tally, bool keep_interval, std::function<std::uint64_t()> received = {})
      : tally_(tally), received_(std::move(received)), early_(&tally.measured) {
    if (keep_interval) interval_.emplace();
  }

  /// From now on, messages belong to `traffic`.
  void begin(const Traffic& traffic);
  /// Nothing is due any more at `at`: leaves the measured phase if it was entered.
  void stop(Nanoseconds at);
  /// The traffic is over; nothing is within the measured phase any more.
  void end();

  /// The clock is at `at`: enters or leaves the measured phase where it passes an edge of it.
  void advance(Nanoseconds at) {
    if (at >= next_look_) [[unlikely]]
      look(at);
  }
  [[nodiscard]] Nanoseconds next_edge() const { return next_edge_; }
  /// Whether the clock is between the two edges: what arrives now is measured.
  [[nodiscard]] bool within() const { return within_; }

  void sent(Nanoseconds due) {
    ++sent_;
    ++part(due).sent;
  }
  /// An echo of `bytes` bytes was verified at `at`.
  void echoed(const Flight& times, Nanoseconds at, std::uint64_t bytes);
  /// A message was sent at `at` on a connection that was free.
  void lateness(Nanoseconds due, Nanoseconds at);
  /// What was received now had lain in the socket for `lateness`.
  void received(Nanoseconds lateness) {
    if (within_) tally_.receive_lateness.record(lateness);
  }
  /// A message was sent late, at `at`, because earlier ones were in flight.
  void waited(Nanoseconds due, Nanoseconds at) {
    ++part(due).late;
    if (due >= traffic_.measure_from) sampler_.sent(at);
  }
  /// A message had no echo until `at`: it took at least that long.
  void censored(Nanoseconds due, Nanoseconds at) { part(due).latency.record_censored(at - due); }
  /// `times` messages that were due at `due` will never be sent.
  void never_sent(Nanoseconds due, Nanoseconds until, std::uint64_t times);
  void waited_for_events() {
    if (within_) ++tally_.waits_within;
  }
  void established() {
    if (within_) ++tally_.connections_within;
  }

  // Of the whole run, for the progress.
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t verified() const { return verified_; }
  /// Latencies since the last progress, if they are kept.
  [[nodiscard]] std::optional<echo::Histogram>& interval() { return interval_; }
  /// The samples of the last traffic.
  [[nodiscard]] Samples take_samples() { return sampler_.take(); }

 private:
  void look(Nanoseconds at);
  void cross_edge();
  void end_intervals(Nanoseconds at);
  void look_next();
  void set_within(bool within);
  /// The counts of the phase to which a message due at `due` belongs.
  Echoes& part(Nanoseconds due) { return due >= traffic_.measure_from ? tally_.measured : *early_; }

  Tally& tally_;
  std::function<std::uint64_t()> received_;
  Traffic traffic_;
  Echoes* early_;                  ///< counts of what is due before traffic_.measure_from
  Nanoseconds next_edge_ = never;  ///< measure_from, then stop_at, then never
  Nanoseconds next_look_ = never;  ///< next_edge_, or the end of an interval before
  bool within_ = false;
  std::uint64_t received_before_ = 0;  ///< when within_ became true
  std::uint64_t sent_ = 0;
  std::uint64_t verified_ = 0;
  std::optional<echo::Histogram> interval_;
  Sampler sampler_;
};

}  // namespace client
