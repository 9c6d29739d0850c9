// The loop of one thread: it runs one Activity after the other on the connections of its table,
// until the run's deadline, a signal or the loss of the server stops it.
//
// A LoopGroup runs several loops through the same phases, each on its own thread.
#pragma once

#include "client/engine/connection_table.hpp"
#include "client/engine/dispatcher.hpp"
#include "client/engine/event_wait.hpp"
#include "client/engine/progress_slot.hpp"
#include "client/engine/timeouts.hpp"

namespace client {

class Loop {
 public:
  Loop(const Plan& plan, const LoopContext& context, ProgressSlot& progress_slot);

  /// Takes connection 0, which was opened alone.
  void adopt(FirstConnection first) { table_.adopt(std::move(first)); }
  /// Runs `activity` to its end, or until the run is stopped.
  void run(Activity& activity);

  /// Opens the remaining connections; returns when each connect has succeeded or failed.
  void ramp();
  /// Exchanges messages on all established connections, until the traffic's end and the last echo.
  void exchange(const Traffic& traffic);
  /// Repeats connect, `traffic.messages` echoes and close until the traffic's end.
  /// After a signal or the deadline both wait a moment for the echoes in flight, and begin nothing.
  void churn(const Traffic& traffic);
  /// Called around the traffic of a run, between which retransmissions are counted.
  void traffic_begins() { table_.traffic_begins(); }
  void traffic_ends() { table_.traffic_ends(); }
  /// Keeps all connections open, without traffic, until then.
  void idle(Nanoseconds until);
  /// Ends all connections: half-close, the peer's FIN, close.
  void drain();
  /// Posts the current progress to the ProgressSlot.
  void post();

  [[nodiscard]] StopReason stop_reason() const { return table_.stop_reason(); }
  /// When a signal or the deadline stopped the loop; `never` if neither did.
  [[nodiscard]] Nanoseconds stopped_at() const { return table_.stopped_at(); }
  [[nodiscard]] std::uint32_t standing() const { return table_.standing(); }
  Table& table() { return table_; }
  Tally& tally() { return table_.tally(); }
  /// The samples of the last traffic.
  [[nodiscard]] Samples take_samples() { return table_.recorder().take_samples(); }

 private:
  void drive(Activity& activity, bool also_after_a_stop);
  void wait(Nanoseconds until);
  void await_echoes(Activity& activity);
  void settle();
  void end_all(Outcome outcome, bool also_complete);

  Plan plan_;
  const std::atomic<bool>* enough_;
  ProgressSlot& progress_slot_;
  EventWait events_;
  Timeouts timeouts_;
  ConnectionTable table_;
  Dispatcher dispatcher_;
  Nanoseconds next_post_;
};

}  // namespace client
