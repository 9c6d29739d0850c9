// The workers' counts over time. Totals hide a worker that takes twice the load from the middle of
// a run on; a series shows it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/output/status_lines.hpp"
#include "server/counters.hpp"

namespace server {

/// The counts of one worker at one moment.
struct WorkerFigures {
  std::uint64_t open = 0;
  std::uint64_t accepted = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::optional<std::chrono::nanoseconds> cpu;  ///< nullopt: could not be read
};
std::vector<WorkerFigures> read_workers(const Counters& counters);

/// Samples in order of time, bounded: when there are too many, every second one is dropped and the
/// interval doubles. Pure.
class Series {
 public:
  struct Sample {
    std::chrono::nanoseconds at{};  ///< since the server began to serve
    std::vector<WorkerFigures> workers;
  };
  static constexpr std::size_t most_samples = 512;

  explicit Series(std::chrono::nanoseconds interval)
      : interval_(interval), tolerance_(interval / 4) {}

  /// Stores `sample` if it is due: about one interval after the last stored one.
  void add(Sample sample);
  /// Stores the last sample, however short its interval.
  void end(Sample sample) { samples_.push_back(std::move(sample)); }
  /// The stored samples. The counts of an interval are the difference of two.
  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }

  /// The longest stretch in which one worker handled far more messages than an even share.
  struct Lopsided {
    unsigned worker = 0;
    std::chrono::nanoseconds from{}, to{};
    double over_mean = 0;
  };
  /// A stretch has at least three intervals in a row with 1.5 times the mean or more; nullopt:
  /// none.
  [[nodiscard]] std::optional<Lopsided> lopsided() const;

 private:
  std::chrono::nanoseconds interval_;   ///< between stored samples
  std::chrono::nanoseconds tolerance_;  ///< a sample this much too early is still stored
  std::vector<Sample> samples_;
};

/// One line for --stats: the counts and rates between two samples.
std::string line_of(const Series::Sample& before, const Series::Sample& after);

/// Samples the counters at an interval on its own thread.
class Sampler {
 public:
  /// `prints`: print a line per interval on stderr, without waiting for its reader. Throws
  /// std::system_error when the thread or its descriptor cannot be created.
  Sampler(const Counters& counters, std::chrono::nanoseconds interval, bool prints);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Takes the last sample and ends the thread.
  void finish();
  /// Only after finish().
  [[nodiscard]] const Series& series() const { return series_; }
  /// A warning about lines that stderr did not take; empty if it took all. Only after finish().
  [[nodiscard]] std::string lost_status_lines() const { return lines_ ? lines_->warning() : ""; }

 private:
  void run();
  Series::Sample sample() const;

  const Counters& counters_;
  std::chrono::nanoseconds interval_;
  std::optional<echo::StatusLines> lines_;  ///< nullopt: nothing is printed
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Series series_;
  echo::Descriptor done_;
  std::thread thread_;
};

}  // namespace server
