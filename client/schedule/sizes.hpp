// The size of each message: fixed, from a range, or from a weighted list.
//
// The size is a pure function of the message's id and a seed. Sender and verifier both compute it,
// nothing is stored, and a run with the same --seed sends the same sizes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "echo/wire.hpp"

namespace client {

class MessageSizes {
 public:
  /// Size of the largest message allowed, in bytes.
  static constexpr std::uint64_t most = 1ULL << 30U;

  /// Every message has `bytes` bytes.
  explicit MessageSizes(std::uint32_t bytes);
  /// Parses "64", "64-4096" (each size equally likely), "64:7,1024:2,65536:1" (by weight), or a
  /// list of ranges with weights. Throws std::invalid_argument; the message lists the allowed
  /// forms.
  static MessageSizes parse(std::string_view text);

  void set_seed(std::uint64_t seed) { seed_ = seed; }
  /// Size of message `id`, in bytes; never 0.
  [[nodiscard]] std::uint32_t of(echo::MessageId id) const {
    return varies_ ? drawn(id) : choices_.front().first;
  }
  [[nodiscard]] std::uint32_t largest() const;  ///< bytes
  [[nodiscard]] double mean() const;            ///< bytes
  [[nodiscard]] bool varies() const { return varies_; }

 private:
  struct Choice {
    std::uint32_t first = 0, last = 0;  ///< bytes, both inclusive
    std::uint64_t up_to = 0;            ///< sum of the weights up to and including its own
  };
  MessageSizes() = default;
  [[nodiscard]] std::uint32_t drawn(echo::MessageId id) const;

  std::vector<Choice> choices_;
  std::uint64_t seed_ = 0;
  bool varies_ = false;
};

}  // namespace client
