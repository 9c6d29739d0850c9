// What a loop counts; merged over loops at the end. Every socket ends in exactly one bucket.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>

#include "client/outcome.hpp"
#include "echo/histogram.hpp"
#include "echo/wire.hpp"

namespace client {

/// A failure's kind: the same cause, in the same phase, with the same errno (0: none).
struct Failure {
  Outcome outcome = Outcome::other_error;
  Phase phase = Phase::connect;
  int error = 0;
  friend auto operator<=>(const Failure&, const Failure&) = default;
};

/// The first wrong byte of a run.
struct FirstMismatch {
  std::uint32_t connection = 0;
  std::uint32_t message = 0;
  echo::Mismatch mismatch;
};

struct Tally {
  std::uint64_t established = 0;
  std::uint64_t total = 0;  ///< sockets opened: connects begun
  std::uint64_t open = 0;   ///< established and not closed
  std::uint64_t max_concurrent = 0;
  std::array<std::uint64_t, outcomes> ended{};
  std::map<Failure, std::uint64_t> failures;

  std::uint64_t sent = 0;      ///< messages begun
  std::uint64_t verified = 0;  ///< echoes that came back whole and right
  std::uint64_t bytes_verified = 0;
  std::uint64_t late_resets = 0;  ///< RST after the last echo: served all the same
  std::uint64_t slow_connects =
      0;  ///< longer than `slow_connect`: a SYN was dropped and sent again
  std::optional<FirstMismatch> first_mismatch;

  echo::Histogram connect;   ///< ns
  echo::Histogram echo;      ///< from due to the last byte back, ns
  echo::Histogram wire;      ///< from the first send to the last byte back, ns
  echo::Histogram lateness;  ///< how far behind its due time the client itself sent, ns

  void opened() {
    ++established;
    ++open;
    if (open > max_concurrent) max_concurrent = open;
  }
  void end(const Failure& how);
  /// Counts `count` sockets that ended as `from` under `to` instead.
  void reclassify(const Failure& from, Outcome to, std::uint64_t count);
  [[nodiscard]] std::uint64_t count(Outcome outcome) const {
    return ended[static_cast<std::size_t>(outcome)];
  }
  [[nodiscard]] std::uint64_t failed() const;
};

/// The kernel sends a dropped SYN again after 1 s; nothing on one machine takes half of that.
inline constexpr std::chrono::milliseconds slow_connect{500};

}  // namespace client
