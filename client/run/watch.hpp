// What a run shows while it works: one live line on a terminal; elsewhere a plain line every 10 s,
// or every second where it was asked for; and a line of JSON each interval for --series.
//
// The leader of a group attends to it while the loops work, from the notes that they leave, so that
// no loop ever waits for a terminal or a disk.
#pragma once

#include <cstdint>
#include <string>

#include "client/engine/loop_group.hpp"
#include "client/measure/observe.hpp"
#include "client/options/options.hpp"
#include "echo/descriptor.hpp"

namespace client {

class Watch {
 public:
  /// Opens the series file. Throws echo::Exit(exit_internal) when it cannot.
  explicit Watch(const Options& options);

  /// How often the loops should leave a note; `never`: nobody looks.
  [[nodiscard]] Nanoseconds interval() const { return interval_; }
  /// From when these intervals are counted.
  [[nodiscard]] Nanoseconds begun() const { return begun_; }
  /// Whether notes should carry the latencies of their interval.
  [[nodiscard]] bool wants_latency() const { return live_ || series_; }

  /// A round begins.
  void follow(const Observer& observer) { observer_ = &observer; }
  /// Looks on until the group has finished its task, or until then. True: it has finished.
  bool attend(LoopGroup& group, Nanoseconds until = never);
  /// The same, and throws what a loop threw.
  void run(LoopGroup& group, LoopGroup::Task task);
  /// A round is over: the last interval, as far as it came.
  void finish(LoopGroup& group);
  /// One sentence in the live line's place.
  void say(const std::string& sentence);
  /// Wipes the live line, so that the report starts on a clean one.
  void clear();
  /// The errno of the first line of the series that could not be written; 0: all were.
  [[nodiscard]] int series_error() const { return series_error_; }

 private:
  void look(LoopGroup& group, Nanoseconds at);
  void show(const Progress& progress, double echoes_per_s, const echo::Histogram& latency);
  void write(const Progress& progress, Nanoseconds at, double echoes_per_s,
             const echo::Histogram& latency);

  std::uint64_t connections_;
  bool on_;    ///< stderr is written to
  bool live_;  ///< and is a terminal
  bool shown_ = false;
  echo::Descriptor series_;
  int series_error_ = 0;
  Nanoseconds interval_ = never;
  Nanoseconds begun_;
  Nanoseconds next_;
  Nanoseconds last_;
  std::uint64_t last_echoes_ = 0;
  const Observer* observer_ = nullptr;
};

}  // namespace client
