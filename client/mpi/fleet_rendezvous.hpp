// How the ranks of MPI meet: what rank 0 (coordinator.hpp) and the others (member.hpp) share.
//
// A meeting is: every rank says that it is there, rank 0 answers; each measures its clock in turn;
// rank 0 names a time that lies far enough ahead for the message to arrive. Nobody waits for a rank
// that has said that it left, and every wait sleeps, is bounded, and ends with a signal.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "client/fleet/frames.hpp"
#include "client/fleet/rendezvous.hpp"
#include "echo/exit_code.hpp"
#include "echo/stop.hpp"

namespace client::mpi {

/// mpirun passes SIGUSR1 on and kills nobody, so there is time to merge; after SIGINT and SIGTERM
/// it kills within a second.
inline constexpr int end_in_peace = SIGUSR1;
/// The signal that the report names, or 0: SIGUSR1 ends a run as SIGTERM does.
inline int told_signal(const echo::SignalWatch& signals) {
  return signals.signal() == end_in_peace ? SIGTERM : signals.signal();
}

/// The whole does not begin. Rank 0 has said why; on another rank what() is empty, unless rank 0
/// did not answer.
class Refused : public echo::Exit {
 public:
  using Exit::Exit;
};

class FleetRendezvous : public Rendezvous {
 public:
  FleetRendezvous(Share share, const echo::SignalWatch& signals);

  /// The seed of the payload: that of rank 0, which gives `own`.
  virtual std::uint64_t agree_on_seed(std::uint64_t own, const echo::Stop& stop,
                                      Nanoseconds give_up) = 0;
  /// This rank cannot begin, for this reason. Waits for what all end with, which is to be thrown.
  [[nodiscard]] virtual Refused refuse(int code, const std::string& why, const echo::Stop& stop,
                                       Nanoseconds give_up) = 0;
  /// The traffic of this rank has ended, with this exit code: nobody need wait for it at a meeting.
  /// Does not wait.
  virtual void leave(int code, bool lost_its_server) = 0;

  /// From now on what happens is told in frames too. `length`: from the start to the deadline.
  void tell_in(FrameOutput& frames, Nanoseconds length);
  [[nodiscard]] bool wants_progress() const override { return frames_ != nullptr; }
  void progress(const std::string& line) override { frames_->add("progress", line); }

  /// Whether a start was agreed on.
  [[nodiscard]] bool has_begun() const { return begun_; }
  [[nodiscard]] Rank rank() const override { return rank_; }

 protected:
  /// The code and the reason of a rank that a signal ends before the start.
  [[nodiscard]] int signal_code() const { return echo::exit_signal + told_signal(signals_); }
  static constexpr const char* ended_by_signal = "ended by a signal before the start";

  void tell_ready();
  void tell_standing();

  bool begun_ = false;
  Rank rank_;
  const echo::SignalWatch& signals_;

 private:
  FrameOutput* frames_ = nullptr;  ///< nullptr: none are wanted
  Nanoseconds length_{};
};

enum class Waited { done, stopped, late };

/// Waits until `is_done` returns true: calls it again and again, with a sleep of 0.3 ms between.
Waited wait_for(const std::function<bool()>& is_done, const echo::Stop& stop, Nanoseconds give_up);
/// The same without a look at signals: for what must be sent after one.
bool wait_briefly(const std::function<bool()>& is_done, Nanoseconds at_most);

/// For wait_briefly(): until the sends of a rank have left it.
inline constexpr std::chrono::milliseconds patience_for_sends{100};

}  // namespace client::mpi
