// Where a client waits for the others of its fleet: before the first connect, and when all of its
// connections stand.
//
// The ranks agree on a time, not on a message: a message reaches one of them milliseconds later
// than another (docs/decisions/0029-ranks-agree-on-times.md). A rank that has a time needs nobody
// any more, so what it measures does not depend on the others.
#pragma once

#include <optional>
#include <string>

#include "client/result/rank.hpp"
#include "client/schedule/plan.hpp"
#include "echo/stop.hpp"

namespace client {

/// Used by the leader of a run, between its phases. While messages are timed it calls progress()
/// only.
class Rendezvous {
 public:
  Rendezvous() = default;
  virtual ~Rendezvous() = default;
  Rendezvous(const Rendezvous&) = delete;
  Rendezvous& operator=(const Rendezvous&) = delete;

  /// This rank can begin: its limits suffice. Waits until all can, and returns when to begin, on
  /// the clock of now(); nullopt if `stop` was requested, or `give_up` passed. Throws echo::Exit,
  /// with the code to end with, if another rank cannot begin.
  virtual std::optional<Nanoseconds> start(const echo::Stop& stop, Nanoseconds give_up) = 0;

  /// All connections of this rank stand, or have failed. Returns when the traffic of all ranks
  /// begins: later than now(), or now() if a rank is gone, `stop` was requested or `give_up` has
  /// passed. Does not throw.
  virtual Nanoseconds traffic(const echo::Stop& stop, Nanoseconds give_up) = 0;

  /// Whether progress() is to be called.
  [[nodiscard]] virtual bool wants_progress() const { return false; }
  /// A line of --series, each interval. Does not wait, and does not throw.
  virtual void progress(const std::string& /*line*/) {}

  /// The clocks as far as they are known, and what happened to the others.
  [[nodiscard]] virtual Rank rank() const = 0;
};

/// Sleeps until `due`. Returns false if `stop` was requested before.
bool sleep_until(Nanoseconds due, const echo::Stop& stop);

/// The name of this machine, for people; "-" if it has none.
std::string host_name();

}  // namespace client
