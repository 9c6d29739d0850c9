// Meets the other clients through the program that started this one, the parent: its commands come
// from stdin, and frames go to stdout (docs/decisions/0029-ranks-agree-on-times.md).
//
// A thread waits for commands during the whole run, in poll(2), so that a command `clock` is
// answered in microseconds whatever the others do. It costs nothing until a command comes. Stdin
// that ends is a parent that is gone, which no signal tells where ssh or kubectl is in between.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "client/fleet/frames.hpp"
#include "client/fleet/rendezvous.hpp"
#include "echo/descriptor.hpp"
#include "echo/output/status_lines.hpp"
#include "echo/stop.hpp"

namespace client {

/// From a signal, `stop` or the end of stdin until a client of a fleet ends immediately. What
/// started it may kill it a second after its signal.
inline constexpr std::chrono::milliseconds drain_in_a_fleet{300};

class PipeRendezvous final : public Rendezvous {
 public:
  static constexpr std::size_t longest_command = 256;  ///< bytes

  /// Writes the frame `hello`, and reads commands from `commands` until it is destroyed. `length`:
  /// of the run, for the parent: what is not complete that long after the start hangs. A command
  /// that ends the run requests it from `stop`. Throws std::system_error.
  PipeRendezvous(Share share, Nanoseconds length, int commands, FrameOutput& frames,
                 echo::Stop& stop);
  ~PipeRendezvous() override;

  /// Writes `ready`, and waits for `start`.
  std::optional<Nanoseconds> start(const echo::Stop& stop, Nanoseconds give_up) override;
  /// Writes `standing`, and waits for `traffic`.
  Nanoseconds traffic(const echo::Stop& stop, Nanoseconds give_up) override;
  [[nodiscard]] Rank rank() const override;
  [[nodiscard]] bool wants_progress() const override { return true; }
  void progress(const std::string& line) override { frames_.add("progress", line); }

  /// Whether `start` has come, and start() has returned it.
  [[nodiscard]] bool has_started() const { return started_; }
  /// Whether the parent ended the run, or is gone.
  [[nodiscard]] bool was_stopped() const { return stopped_; }
  /// The run is complete: a stop no longer ends what comes after it.
  void end_drain() { drained_ = true; }
  /// Waits until the parent needs nothing more: `quit`, the end of stdin, a signal, or `until`.
  void wait_for_quit(const echo::Stop& stop, Nanoseconds until);

 private:
  /// What the commands said so far.
  struct Said {
    std::optional<Nanoseconds> start, traffic;
    std::optional<ClockOffset> clock_before, clock_after;
    std::uint64_t wrong_lines = 0;
    bool quit = false;
    bool ended = false;  ///< stdin
    bool gone = false;   ///< it ended before `quit`
  };

  void read_commands();
  bool read_some();
  void take(std::string_view bytes, Nanoseconds at);
  void obey(std::string_view line, Nanoseconds at);
  bool obey_word(std::string_view word, std::string_view rest, Nanoseconds at);
  bool take_offset(std::string_view rest);
  void on_end();
  void refuse(std::string_view line);
  void request_stop();
  [[nodiscard]] int force_in_ms();
  void wake() const;
  /// Waits for the next command. False: `stop_fd` is readable, or `until` has passed.
  bool wait_for_command(int stop_fd, Nanoseconds until) const;
  /// Waits for the time `which`, and takes it.
  std::optional<Nanoseconds> wait_for(std::optional<Nanoseconds> Said::*which,
                                      const echo::Stop& stop, Nanoseconds give_up);

  const Share share_;
  const std::string host_;
  const int commands_;
  FrameOutput& frames_;
  echo::Stop& stop_;
  echo::Descriptor arrived_, done_;
  const Nanoseconds length_;
  std::atomic<bool> started_{false}, stopped_{false}, drained_{false};
  mutable std::mutex mutex_;
  Said said_;  ///< under mutex_
  // Of the thread:
  echo::StatusLines lines_;
  std::string
      line_;  ///< begun, not complete; what exceeds longest_command by more than 1 is left out
  Nanoseconds force_at_ = never;
  std::thread thread_;
};

}  // namespace client
