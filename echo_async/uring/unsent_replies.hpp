// Answers in memory of their own, while their peer does not read.
//
// A buffer of the ring is never kept for such a peer, or a few of them would have them all. Two
// blocks take turns: one belongs to the kernel and must not move, the other collects what comes
// meanwhile, so that a stream of large messages goes out in few large sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace echo_async {

class UnsentReplies {
 public:
  /// Adds the answer to one message.
  void add(std::span<const std::byte> answer);
  /// The rest of an answer that went out in part, before all others. Only while nothing of the
  /// unsent is under way.
  void add_first(std::span<const std::byte> rest);
  /// What goes out next, empty when that was all. It stays where it is until sent() tells its end.
  std::span<const std::byte> to_send();
  /// So many bytes more have gone out. Returns the messages that are thereby answered.
  std::uint64_t sent(std::size_t bytes);
  [[nodiscard]] std::uint64_t waiting_messages() const { return waiting_.messages; }

 private:
  struct Block {
    std::vector<std::byte> bytes;
    std::uint64_t messages = 0;
  };
  Block sending_;
  std::size_t sent_ = 0;
  Block waiting_;
};

}  // namespace echo_async
