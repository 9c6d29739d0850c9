// The exchange on the connections of one ring: a recv armed for each, a pending send for each that
// is being answered, and the replies that could not be sent immediately.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo_async/uring/ring.hpp"
#include "echo_async/uring/unsent_replies.hpp"
#include "protocol/protocol.hpp"
#include "server/idle.hpp"
#include "server/model.hpp"
#include "server/send_queue.hpp"

namespace echo_async {

/// Indexed by its descriptor, which stays open as long as one of its requests is pending.
struct RingConnection {
  static constexpr std::uint16_t no_buffer = UINT16_MAX;

  std::unique_ptr<UnsentReplies> unsent;  ///< while it holds anything
  protocol::ConversationSlot conversation;
  std::uint32_t reply_size = 0;      ///< of the reply to one message that is sent from `buffer`
  server::IdleClock::Tick last = 0;  ///< tick of the last byte received or sent
  std::uint16_t buffer = no_buffer;  ///< of the ring; taken until the reply in it is sent
  /// What follows when all replies are sent; not `read`: nothing is received until then.
  protocol::After after = protocol::After::read;
  bool open : 1 = false;
  bool receiving : 1 = false;   ///< a recv is armed
  bool cancelling : 1 = false;  ///< its cancellation is requested
  bool sending : 1 = false;     ///< a send is pending
  bool sleeps : 1 = false;      ///< its reply is delayed by --work sleep
  bool starved : 1 = false;     ///< its recv found no buffer
  bool ended : 1 = false;       ///< nothing more will come; what was read is still answered
  bool failed : 1 = false;      ///< nothing more will be sent either

  [[nodiscard]] bool ended_by_protocol() const {
    return ended && (after == protocol::After::close || after == protocol::After::reset);
  }
  /// Whether all is sent.
  [[nodiscard]] bool is_answered() const { return !unsent && !sending && !sleeps; }
  [[nodiscard]] bool has_deadline() const {
    return conversation &&
           conversation->deadline() != protocol::Conversation::Clock::time_point::max();
  }
  [[nodiscard]] bool is_overdue(protocol::Conversation::Clock::time_point now) const {
    return conversation && !sleeps && !failed && conversation->deadline() <= now;
  }
};
static_assert(sizeof(RingConnection) == 32);

class RingExchange {
 public:
  using Clock = std::chrono::steady_clock;

  /// Throws echo::Exit if the kernel refuses the buffers.
  RingExchange(const server::Serving& serving, Ring& ring, unsigned ring_buffers);

  /// Takes ownership of a connection and counts it; without memory for it, it is shed and counted.
  void add(echo::Descriptor socket);
  /// Handles the completions of receive, send and cancel.
  void handle(const io_uring_cqe& done);
  /// Called after each batch of completions: connections that had no buffer receive again with
  /// those that were given back.
  void rearm_starved();
  /// Shuts reading down on each connection, later ones too: what is queued is still echoed.
  void drain();
  /// Ends all connections: each is removed when its pending requests end, and is not counted as
  /// closed.
  void force_stop();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Time of the next event that no completion reports; unset: none.
  [[nodiscard]] std::optional<Clock::time_point> next_due() const;
  /// Wakes the connections whose sleep is over, or that wait for a late reader, and closes idle
  /// ones.
  void handle_due(Clock::time_point now);

 private:
  struct Sleeper {
    Clock::time_point due;
    int fd;
  };

  RingConnection& at(int fd) { return table_[static_cast<std::size_t>(fd)]; }
  template <typename Visit>
  void for_each(Visit visit);

  void receive(RingConnection& connection, int fd);
  void send(RingConnection& connection, int fd, std::span<const std::byte> bytes, int flags);
  void on_received(RingConnection& connection, int fd, const io_uring_cqe& done);
  void on_sent(RingConnection& connection, int fd, int result);
  /// Answers a message. Returns whether the answer is sent from `buffer`, which must not be given
  /// back yet then.
  bool answer(RingConnection& connection, int fd, std::span<std::byte> message,
              std::uint16_t buffer);
  /// Answers with one more turn of the protocol, which `next(conversation)` returns.
  template <typename Next>
  void answer_with(RingConnection& connection, int fd, Next next);
  void add_to_unsent(RingConnection& connection, int fd, const protocol::Turn& turn);
  /// When all is sent: does what the protocol wants next. Returns whether there is more to do.
  bool act(RingConnection& connection, int fd);
  /// The deadline of its conversation is over.
  void on_deadline(RingConnection& connection, int fd);
  /// Its recv found no buffer: it is armed again when there is one.
  void await_buffer(RingConnection& connection, int fd);
  UnsentReplies& unsent_of(RingConnection& connection);
  void recycle(std::unique_ptr<UnsentReplies> unsent);
  void stop_receiving(RingConnection& connection, int fd);
  void proceed(RingConnection& connection, int fd);
  void send_unsent(RingConnection& connection, int fd);
  /// At EOF: whether a drain must wait until the peer has read.
  bool waits_for_late_reader(RingConnection& connection, int fd);
  static void fail(RingConnection& connection, int fd);
  /// Of --idle-timeout; a connection with a deadline is not idle.
  [[nodiscard]] bool is_idle(const RingConnection& connection) const;
  void remove(RingConnection& connection, int fd);

  const server::Serving& serving_;
  Ring& ring_;
  BufferRing buffers_;
  server::IdleClock clock_;
  std::optional<Clock::time_point> next_scan_;
  std::deque<RingConnection> table_;  ///< by descriptor; grows without moving
  std::uint64_t count_ = 0;
  std::deque<Sleeper> sleepers_;  ///< in the order of their ends, because all sleep equally long
  std::deque<int> starved_;
  std::vector<std::unique_ptr<UnsentReplies>> spare_unsent_;
  server::LateReaderScan late_;
  bool draining_ = false;
  bool forced_ = false;
};

}  // namespace echo_async
