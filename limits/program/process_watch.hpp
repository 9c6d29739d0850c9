// `limits watch PID`: what the processes of a server use, a line per interval, until its reader has
// enough.
//
// A client on another machine cannot see the server's processes. So this runs beside them, started
// through ssh or the like, and its lines say when, on the clock of this machine, how much CPU time
// had been used: who knows how far the clocks are apart takes the difference over any window.
//
//   limits watch 4711 --json --interval 100ms
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "limits/usage.hpp"

namespace limits {

/// A process and its descendants at one time.
struct ProcessSample {
  std::chrono::nanoseconds at{};  ///< CLOCK_MONOTONIC, when the CPU time was read
  /// Used so far, with that of children that have ended and were waited for.
  std::optional<std::chrono::nanoseconds> cpu;
  Usage usage;
};

/// Samples of a process and its descendants, without this process itself.
class ProcessSampler {
 public:
  explicit ProcessSampler(pid_t pid) : pid_(pid) {}
  /// nullopt: the process is gone, or a zombie. Looks for new descendants once a second at most,
  /// and less often where that takes long: it reads a file of every process of the machine.
  std::optional<ProcessSample> sample();

 private:
  pid_t pid_;
  std::vector<pid_t> family_;
  std::chrono::nanoseconds look_at_{};  ///< when to look for descendants again
};

/// Why a watch ended.
enum class WatchEnd { reader_gone, signal, duration, process_gone };

/// All samples in short, for the last line.
class ProcessTotals {
 public:
  void add(const ProcessSample& sample);
  [[nodiscard]] bool empty() const { return samples_ == 0; }
  /// As a line; schema docs/schema/limits-watch.json.
  [[nodiscard]] std::string as_json(WatchEnd end) const;
  [[nodiscard]] std::string as_text(WatchEnd end) const;

 private:
  std::uint64_t samples_ = 0;
  ProcessSample first_, last_;
  std::optional<std::uint64_t> most_resident_;
};

/// A line; `before` is the last one, for the share of a processor in the text.
std::string as_json(const ProcessSample& sample);
std::string as_text(const ProcessSample& sample, const std::optional<ProcessSample>& before);

/// The body of `limits watch`; `arguments` are the words after it. Returns the exit code: 0 when
/// the end of stdin or --duration ended it, 1 when the process did, 129, 130 or 143 after a signal.
/// Throws echo::Exit and CLI::ParseError, as the body of any program may.
int run_watch(const std::vector<std::string>& arguments);

}  // namespace limits
