// The counts of a loop, added up over all loops at the end. Every socket is counted under exactly
// one outcome.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "client/connection/outcome.hpp"
#include "client/measure/retransmissions.hpp"
#include "echo/histogram.hpp"
#include "echo/wire.hpp"

namespace client {

/// The kind of a failure: cause, phase and errno (0: none).
struct Failure {
  Outcome outcome = Outcome::other_error;
  Phase phase = Phase::connect;
  int error = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes what the compiler compares for a 0
  friend auto operator<=>(const Failure&, const Failure&) = default;
};

/// The first wrong byte of a run.
struct FirstMismatch {
  std::uint32_t connection = 0;
  std::uint32_t message = 0;
  echo::Mismatch mismatch;
};

/// The first bytes that were no response.
struct FirstFault {
  std::uint32_t connection = 0;
  std::uint32_t message = 0;
  std::string_view what;
};

/// Number of open sockets, and its maximum, over all loops of a run.
class Concurrency {
 public:
  void opened() {
    const std::uint64_t open = open_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::uint64_t most = most_.load(std::memory_order_relaxed);
    while (open > most && !most_.compare_exchange_weak(most, open, std::memory_order_relaxed)) {
    }
  }
  void closed() { open_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t open() const { return open_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t most() const { return most_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::uint64_t> most_{0};
};

/// Counts of the messages that were due in one phase, no matter when their echoes arrived.
struct Echoes {
  std::uint64_t sent = 0;            ///< messages begun
  std::uint64_t verified = 0;        ///< echoes that were complete and correct
  std::uint64_t bytes_verified = 0;  ///< bytes in these
  /// Sent after their due time: earlier ones were still in flight, or the client was 1 ms late.
  std::uint64_t late = 0;
  std::uint64_t unsent = 0;  ///< due but never sent
  /// ns from the due time to the last byte received; unsent and timed-out messages are censored.
  echo::Histogram latency;

  Echoes& operator+=(const Echoes& other);
};

struct Tally {
  std::uint64_t established = 0;
  std::uint64_t total = 0;  ///< sockets opened: connects begun
  std::array<std::uint64_t, outcomes> ended{};
  std::map<Failure, std::uint64_t> failures;
  std::uint64_t reconnects = 0;        ///< sockets opened in place of one that the server closed
  std::uint64_t late_resets = 0;       ///< RST after the last echo: counted as served
  std::uint64_t slow_connects = 0;     ///< `slow_connect` or longer: a SYN was sent again
  std::uint64_t partial_timeouts = 0;  ///< messages that timed out while they arrived
  std::optional<FirstMismatch> first_mismatch;
  std::optional<FirstFault> first_fault;
  /// Of a server that speaks another protocol, by its first bytes; "" if unknown.
  std::string_view protocol;
  echo::Histogram connect;  ///< ns

  std::optional<Echoes> ramp;  ///< the first echo on each connection, if the load itself has none
  std::optional<Echoes> warm_up;  ///< not part of the measured figures
  Echoes measured;
  // Measured phase, open loop:
  echo::Histogram wire;      ///< ns from the first send to the last byte received
  echo::Histogram lateness;  ///< ns from the due time to the send, if the connection was free

  /// ns from the arrival in the socket to the read, of the sampled reads within the measured phase.
  echo::Histogram receive_lateness;
  Retransmissions retransmissions;  ///< in warm-up and measured phase

  // Arrived between the start and the end of the measured phase, no matter when due.
  std::uint64_t echoes_within = 0;
  std::uint64_t bytes_within = 0;  ///< received, also of messages that were not complete by then
  std::uint64_t connections_within = 0;  ///< established
  std::uint64_t waits_within = 0;        ///< waits for events

  void end(const Failure& how, std::uint64_t count = 1);
  /// Moves `count` sockets that ended as `from` to outcome `to`.
  void reclassify(const Failure& from, Outcome to, std::uint64_t count);
  [[nodiscard]] std::uint64_t count(Outcome outcome) const {
    return ended[static_cast<std::size_t>(outcome)];
  }
  [[nodiscard]] std::uint64_t failed() const;
  /// Verified echoes of all phases.
  [[nodiscard]] std::uint64_t verified() const;

  Tally& operator+=(const Tally& other);
};

/// Least duration of a slow connect. The kernel sends a dropped SYN again after 1 s; nothing on one
/// machine takes half of that.
inline constexpr std::chrono::milliseconds slow_connect{500};

}  // namespace client
