// The exchange on the connections of one ring: a recv armed for each, a send under way for those
// that are being answered, and in between what could not go out at once.
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
#include "server/idle.hpp"
#include "server/model.hpp"

namespace echo_async {

/// Found by its descriptor, which stays open as long as a request on it is under way.
struct RingConnection {
  static constexpr std::uint16_t no_buffer = UINT16_MAX;

  std::unique_ptr<UnsentReplies> unsent;  ///< while anything is in it
  std::span<const std::byte> answer;      ///< under way out of `buffer`
  server::IdleClock::Tick last = 0;       ///< when a byte last went in or out
  std::uint16_t buffer = no_buffer;       ///< of the ring; ours until the answer in it is out
  bool open : 1 = false;
  bool receiving : 1 = false;   ///< a recv is armed
  bool cancelling : 1 = false;  ///< and was asked to end
  bool sending : 1 = false;     ///< a send is under way
  bool sleeps : 1 = false;      ///< its answer is held back by --work sleep
  bool starved : 1 = false;     ///< its recv found no buffer
  bool ended : 1 = false;       ///< nothing more will come; what was read is still answered
  bool failed : 1 = false;      ///< nothing more will go out either
};
static_assert(sizeof(RingConnection) == 32);

class RingExchange {
 public:
  using Clock = std::chrono::steady_clock;

  /// Throws echo::Exit when the buffers cannot be had.
  RingExchange(const server::Serving& serving, Ring& ring, unsigned ring_buffers);

  /// Takes over a connection and counts it; shed and counted where there is no memory for it.
  void add(echo::Descriptor socket);
  /// For the completions of receive, send and cancel.
  void handle(const io_uring_cqe& done);
  /// After each batch of completions: with the buffers that came back, those go on that had none.
  void rearm_starved();
  /// Lets each see EOF after what is queued, newcomers too.
  void drain();
  /// Lets go of all: they end with what is under way, and are not counted as closed.
  void cut();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// When something is due next that no completion will tell of; unset: nothing.
  [[nodiscard]] std::optional<Clock::time_point> next_due() const;
  /// Wakes those whose sleep is over, and closes the idle.
  void do_due(Clock::time_point now);

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
  bool answer(RingConnection& connection, int fd, std::span<std::byte> question,
              std::uint16_t buffer);
  UnsentReplies& unsent_of(RingConnection& connection);
  void keep_spare(std::unique_ptr<UnsentReplies> unsent);
  void push_back_on(RingConnection& connection, int fd);
  void settle(RingConnection& connection, int fd);
  static void fail(RingConnection& connection, int fd);
  void remove(RingConnection& connection, int fd);

  const server::Serving& serving_;
  Ring& ring_;
  BufferRing buffers_;
  server::IdleClock clock_;
  std::optional<Clock::time_point> next_scan_;
  std::deque<RingConnection> table_;  ///< by descriptor; grows without moving
  std::uint64_t count_ = 0;
  std::deque<Sleeper> sleepers_;  ///< in the order of their ends, for all sleep equally long
  std::deque<int> starved_;
  std::vector<std::unique_ptr<UnsentReplies>> spare_unsent_;
  bool draining_ = false;
  bool cut_ = false;
};

}  // namespace echo_async
