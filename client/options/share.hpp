// The share of one client in a load that several clients put on a server together.
//
// The clients are numbered as ranks of MPI are. Their connections have different numbers in all:
// rank, rank + ranks, rank + 2 * ranks, ... So the number of a connection names its rank.
#pragma once

#include <cstdint>
#include <string_view>

namespace client {

struct Share {
  std::uint32_t rank = 0;   ///< from 0
  std::uint32_t ranks = 1;  ///< how many clients there are

  [[nodiscard]] bool is_whole() const { return ranks == 1; }
  /// This rank's part of `total`. All parts differ by 1 at most, and add up to it.
  [[nodiscard]] std::uint64_t of(std::uint64_t total) const {
    return total / ranks + (rank < total % ranks ? 1 : 0);
  }
  /// The rank that has connection `number`.
  [[nodiscard]] std::uint32_t rank_of(std::uint64_t number) const {
    return static_cast<std::uint32_t>(number % ranks);
  }
};

/// "2/4": the third of four clients. Throws std::invalid_argument.
Share parse_share(std::string_view text);

inline constexpr std::uint32_t most_ranks = 4096;

}  // namespace client
