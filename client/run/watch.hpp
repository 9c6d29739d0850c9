// The progress of a run: one live line on a terminal; elsewhere a plain line every 10 s, or every
// second with --progress always; and a line of JSON per interval for --series and for the parent of
// a fleet.
//
// The leader of the group writes them while the loops work, from the progress that the loops post.
// So no loop ever waits for a terminal or a disk, and the leader never waits for a reader: see
// echo/output.
#pragma once

#include <cstdint>
#include <string>

#include "client/engine/loop_group.hpp"
#include "client/fleet/rendezvous.hpp"
#include "client/measure/observe.hpp"
#include "client/options/options.hpp"
#include "client/options/words.hpp"
#include "echo/output/line_output.hpp"
#include "echo/output/status_lines.hpp"

namespace client {

class Watch {
 public:
  /// Opens `series`, unless it is nullptr. Throws echo::Exit(exit_internal) if that fails. `others`
  /// get the same lines, if they want them; nullptr: none.
  Watch(const Options& options, echo::LineOutput* series, Rendezvous* others = nullptr);

  /// How often the loops should post their progress; `never`: it is not read.
  [[nodiscard]] Nanoseconds interval() const { return interval_; }
  /// The time from which these intervals count.
  [[nodiscard]] Nanoseconds begun() const { return begun_; }
  /// Whether posted progress should include the latencies of its interval.
  [[nodiscard]] bool wants_latency() const { return live_ || writes_lines(); }

  /// Begins a round.
  void follow(const Observer& observer) { observer_ = &observer; }
  /// Shows progress until the group has finished its task, or until `until`. Returns whether it has
  /// finished.
  bool wait_for(LoopGroup& group, Nanoseconds until = never);
  /// Runs `task` to its end while it shows progress. Throws what a loop threw.
  void run(LoopGroup& group, LoopGroup::Task task);
  /// Ends a round: writes its last interval, complete or not.
  void finish(LoopGroup& group);
  /// Shows one line in place of the live line.
  void show_message(const std::string& message);
  /// Clears the live line, so that the report starts on an empty one.
  void clear();
  /// A warning about lines that stderr did not take; empty if it took all.
  [[nodiscard]] std::string lost_status_lines() const { return lines_.warning(); }

 private:
  [[nodiscard]] bool writes_lines() const { return series_ != nullptr || others_ != nullptr; }
  void look(LoopGroup& group, Nanoseconds at);
  void show(const Progress& progress, double echoes_per_s, double bytes_per_s,
            const echo::Histogram& latency);
  void write(const Progress& progress, Nanoseconds at, double echoes_per_s,
             const echo::Histogram& latency);

  std::uint64_t connections_;
  Words words_;
  bool on_;    ///< progress goes to stderr
  bool live_;  ///< and stderr is a terminal
  bool shown_ = false;
  echo::StatusLines lines_;
  echo::LineOutput* series_ = nullptr;  ///< open, or nullptr
  Rendezvous* others_ = nullptr;        ///< they want the lines, or nullptr
  Nanoseconds interval_ = never;
  Nanoseconds begun_;
  Nanoseconds next_;
  Nanoseconds last_;
  std::uint64_t last_echoes_ = 0;
  std::uint64_t last_received_ = 0;
  const Observer* observer_ = nullptr;
};

}  // namespace client
