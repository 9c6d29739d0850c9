// What a loop does with its connections for a while: connect them, send messages in a closed or an
// open loop, hold them, close them. Each kind of traffic is one Activity.
//
// A Loop runs one activity at a time. It calls step() and then waits for events, at most until the
// time that step() returned, again and again until step() returns nullopt or the run stops. Events
// of connections are passed to the on_ functions, before the next step(). An activity sees its
// connections through a Table and has no socket and no clock, so its tests need none either.
//
// A new kind of traffic is one file: a class derived from TrafficActivity, whose finish() makes
// connections complete, and `loop.run(it)`. docs/adding-a-traffic.md has the steps.
#pragma once

#include <cstdint>
#include <optional>

#include "client/activity/table.hpp"
#include "client/connection/outcome.hpp"

namespace client {

class Activity {
 public:
  explicit Activity(Phase phase) : phase_(phase) {}
  virtual ~Activity() = default;
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  /// Does what is due at the table's time. Returns when it must be called again at the latest
  /// (`never`: only after an event), or nullopt if the activity is over.
  virtual std::optional<Nanoseconds> step() = 0;
  /// A signal or the deadline has stopped the run. No step follows; echoes in flight may still
  /// arrive for a moment.
  virtual void on_stop() {}
  /// Called once at the end, also when the run was stopped.
  virtual void finish() {}

  /// A connect has succeeded.
  virtual void on_established(std::uint32_t /*index*/) {}
  /// A connect has failed with `outcome`; on_end() follows.
  virtual void on_connect_failed(std::uint32_t /*index*/, Outcome /*outcome*/) {}
  /// Messages were answered; they are verified and recorded.
  virtual void on_echoes(std::uint32_t /*index*/) {}
  /// The connection has ended, whatever the reason; its descriptor is closed.
  virtual void on_end(std::uint32_t /*index*/) {}
  /// Whether the peer may end `connection` now without being in the wrong. TrafficActivity makes
  /// connections complete; one that is not counts as closed_early.
  [[nodiscard]] virtual bool may_end(const Connection& connection) const {
    return connection.complete;
  }

  /// What the progress shows, and the phase of a failure.
  [[nodiscard]] Phase phase() const { return phase_; }

 private:
  Phase phase_;
};

}  // namespace client
