// Replies of a connection whose peer does not read, in their own memory.
//
// A buffer of the ring is never kept for such a peer, because a few of them would take all buffers.
// Two blocks alternate: one belongs to the kernel and must not move, the other collects what comes
// meanwhile, so that a stream of large messages goes out in few large sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace echo_async {

class UnsentReplies {
 public:
  /// Adds a reply, to `messages` of the peer.
  void add(std::span<const std::byte> reply, std::uint64_t messages);
  /// Adds the rest of a partly sent reply to one message, before all others. Only while no send
  /// from here is pending.
  void add_first(std::span<const std::byte> rest);
  /// The bytes to send next; empty: none are left. They do not move until sent() has counted them
  /// all.
  std::span<const std::byte> to_send();
  /// Counts `bytes` more as sent. Returns the number of messages whose replies are now complete.
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
