// Decides whether connections that the peer ended too early were the end of the server. A killed
// process closes its connections first and its listener last, milliseconds later; so a burst of
// ends is decided by a probe after it. Pure: times are arguments, and the probe is a function.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "client/measure/tally.hpp"
#include "client/schedule/plan.hpp"

namespace client {

class ServerProbe {
 public:
  /// Least time between two probes.
  static constexpr std::chrono::milliseconds pause{100};

  /// `is_gone` returns whether the server's process or listener no longer exists; empty: never.
  explicit ServerProbe(std::function<bool()> is_gone) : is_gone_(std::move(is_gone)) {}

  /// Probes at `at`. True: the server is gone.
  bool probe(Nanoseconds at) {
    next_ = at + pause;
    return is_gone_ && is_gone_();
  }
  /// The peer ended a connection as `how` at `at`, while the server seemed to run. Returns true if
  /// a probe is due, which comes before record().
  bool wants_probe(Nanoseconds at) {
    // The last end is longer ago than that: the server survived the earlier burst.
    if (at - last_ > pause) undecided_.clear();
    last_ = at;
    return at >= next_;
  }
  void record(const Failure& how) { ++undecided_[how]; }
  /// When to probe again, after the last end of an undecided burst; nullopt if that time is over or
  /// nothing is undecided.
  [[nodiscard]] std::optional<Nanoseconds> decide_at(Nanoseconds at) const {
    if (undecided_.empty() || at > last_ + pause) return std::nullopt;
    return last_ + pause;
  }
  /// The ends of the last burst, which were those of the server after all. Returns each once.
  std::map<Failure, std::uint64_t> take_undecided() { return std::exchange(undecided_, {}); }

 private:
  std::function<bool()> is_gone_;
  std::map<Failure, std::uint64_t> undecided_;
  Nanoseconds last_{};
  Nanoseconds next_{};
};

}  // namespace client
