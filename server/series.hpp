// The workers over time: what totals hide is a worker that takes twice the load from the middle of
// a run on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "echo/descriptor.hpp"
#include "server/counters.hpp"

namespace server {

/// A worker's counts as they stand at one moment.
struct WorkerFigures {
  std::uint64_t open = 0;
  std::uint64_t accepted = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::optional<std::chrono::nanoseconds> cpu;  ///< nullopt: could not be read
};
std::vector<WorkerFigures> read_workers(const Counters& counters);

/// Figures at growing times, bounded: when there are too many, every second one is dropped, and the
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

  /// Keeps `sample` if it is due: an interval after the one kept before it, or nearly.
  void add(Sample sample);
  /// The last one: kept however short its interval.
  void end(Sample sample) { samples_.push_back(std::move(sample)); }
  /// Those kept; what happened within an interval is the difference of two.
  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }

  /// The longest stretch in which one worker handled far more messages than an even share.
  struct Lopsided {
    unsigned worker = 0;
    std::chrono::nanoseconds from{}, to{};
    double over_mean = 0;
  };
  /// Of at least three intervals in a row with 1.5 times the mean or more; nullopt: there is none.
  [[nodiscard]] std::optional<Lopsided> lopsided() const;

 private:
  std::chrono::nanoseconds interval_;   ///< between those kept
  std::chrono::nanoseconds tolerance_;  ///< so much too early still counts
  std::vector<Sample> samples_;
};

/// One line for --stats: what happened between two samples.
std::string line_of(const Series::Sample& before, const Series::Sample& after);

/// Samples the counters at an interval on a thread of its own, and says so on stderr if asked to.
class Sampler {
 public:
  /// Throws std::system_error when the thread or its descriptor cannot be had.
  Sampler(const Counters& counters, std::chrono::nanoseconds interval, bool tells);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Takes a last sample and ends.
  void finish();
  /// Only after finish().
  [[nodiscard]] const Series& series() const { return series_; }

 private:
  void run();
  Series::Sample sample() const;

  const Counters& counters_;
  std::chrono::nanoseconds interval_;
  bool tells_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Series series_;
  echo::Descriptor done_;
  std::thread thread_;
};

}  // namespace server
