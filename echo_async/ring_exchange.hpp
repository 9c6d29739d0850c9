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
#include <utility>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/idle.hpp"
#include "echo/model.hpp"
#include "echo_async/ring.hpp"

namespace echo_async {

/// Answers in memory of their own, while their peer does not read: a buffer of the ring is never
/// kept for one, or a few such peers would have them all. Two blocks take turns: one belongs to the
/// kernel and must not move, the other collects what comes meanwhile.
class Backlog {
 public:
  /// Adds the answer to one message.
  void add(std::span<const std::byte> answer);
  /// The rest of an answer that went out in part, before all others. Only while nothing of the
  /// backlog is under way.
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

/// Found by its descriptor, which stays open as long as a request on it is under way.
struct RingConnection {
  static constexpr std::uint16_t no_buffer = UINT16_MAX;

  std::unique_ptr<Backlog> backlog;   ///< while anything is in it
  std::span<const std::byte> answer;  ///< under way out of `buffer`
  echo::IdleClock::Tick last = 0;     ///< when a byte last went in or out
  std::uint16_t buffer = no_buffer;   ///< of the ring; ours until the answer in it is out
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
  RingExchange(const echo::Serving& serving, Ring& ring, unsigned ring_buffers);

  /// Takes over a connection and counts it; shed and counted where there is no memory for it.
  void enter(echo::Descriptor socket);
  /// For the completions of receive, send and cancel.
  void handle(const io_uring_cqe& done);
  /// After each batch of completions: with the buffers that came back, those go on that had none.
  void feed_the_starved();
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
  Backlog& backlog_of(RingConnection& connection);
  void put_aside(std::unique_ptr<Backlog> backlog);
  void push_back_on(RingConnection& connection, int fd);
  void settle(RingConnection& connection, int fd);
  static void fail(RingConnection& connection, int fd);
  void leave(RingConnection& connection, int fd);

  const echo::Serving& serving_;
  Ring& ring_;
  BufferRing buffers_;
  echo::IdleClock clock_;
  std::optional<Clock::time_point> next_scan_;
  std::deque<RingConnection> table_;  ///< by descriptor; grows without moving
  std::uint64_t count_ = 0;
  std::deque<Sleeper> sleepers_;  ///< in the order of their ends, for all sleep equally long
  std::deque<int> starved_;
  std::vector<std::unique_ptr<Backlog>> spare_backlogs_;
  bool draining_ = false;
  bool cut_ = false;
};

}  // namespace echo_async
