// One io_context that several threads run, its connections, and the stop: what Loop is for one
// thread (loop.hpp).
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "echo_async/asio/asio_acceptor.hpp"
#include "echo_async/asio/connection_socket.hpp"
#include "echo_async/asio/idle_scan.hpp"
#include "echo_async/asio/socket.hpp"
#include "echo_async/asio/stop_events.hpp"
#include "protocol/protocol.hpp"
#include "server/model.hpp"
#include "server/send_queue.hpp"

namespace echo_async {

class SharedLoop;

/// A connection that all workers share. Its own handlers run one at a time, on any thread; a
/// handler of the loop may run on another meanwhile. So the two share nothing but atomics and the
/// descriptor's number, and the loop calls shutdown(2) on it, or Asio's cancel(), never close():
/// pending operations then end by themselves. The descriptor is open as long as the connection is
/// in the list. At its end in a drain, a LateChain may take its place, as for AsioConnection.
class SharedConnection : public ConnectionSocket, public boost::intrusive::list_base_hook<> {
 public:
  SharedConnection(Socket socket, SharedLoop& loop);
  SharedConnection(TakeOver, SharedConnection& ended) noexcept;
  ~SharedConnection();

  [[nodiscard]] const server::Serving& serving() const;
  /// A byte was received or sent, or a sleep ended: the connection is not idle.
  void touch();
  /// These are as in AsioConnection; they count for the worker that this thread is.
  [[nodiscard]] protocol::Turn answer_to(std::span<std::byte> got) {
    if (serving().protocol.echoes()) [[likely]]
      return {got, 1, protocol::After::read};
    return next_turn(got);
  }
  [[nodiscard]] bool goes_on() const { return goes_on_; }
  void sent(std::size_t bytes);
  void answered(const protocol::Turn& turn, std::size_t bytes);
  [[nodiscard]] bool stays_after(protocol::After after) {
    return after == protocol::After::read || carries_out(after);
  }
  [[nodiscard]] bool has_turn(error_code error = asio::error::operation_aborted) const {
    return goes_on_ || error == asio::error::operation_aborted;  // by the loop, at a deadline
  }
  /// Reads some bytes into `room`, immediately. A read in turn (connection_list.hpp) would take the
  /// lock of the one queue, which costs as much as it saves.
  template <typename Handler>
  void read_some(std::span<std::byte> room, Handler&& handler) {
    if (goes_on_) [[unlikely]] {
      last_touch_.store(sleeping, std::memory_order_relaxed);
      asio::post(socket().get_executor(), std::forward<Handler>(handler));
      return;
    }
    if (has_deadline()) publish_deadline(0);
    socket().async_read_some(asio::buffer(room.data(), room.size()),
                             std::forward<Handler>(handler));
  }
  /// Waits for --work sleep:. The server delays the reply, so this time does not count as idle.
  template <typename Handler>
  [[gnu::noinline]] void sleep(std::chrono::nanoseconds time, Handler&& handler) {
    last_touch_.store(sleeping, std::memory_order_relaxed);
    wait(time, std::forward<Handler>(handler));
  }

 private:
  friend class SharedLoop;

  /// What the loop may know of the connection, in one number: the tick of the last byte; or that it
  /// sleeps; or a deadline in milliseconds, and whether it sends meanwhile.
  static constexpr std::uint64_t sleeping = UINT64_MAX;
  static constexpr std::uint64_t is_deadline = 1ULL << 62U;
  static constexpr std::uint64_t while_sending = 1ULL << 61U;

  [[nodiscard]] static std::uint64_t milliseconds(Clock::time_point time) {
    return static_cast<std::uint64_t>(
        std::chrono::ceil<std::chrono::milliseconds>(time.time_since_epoch()).count());
  }
  protocol::Turn next_turn(std::span<std::byte> got);
  bool carries_out(protocol::After after);
  void publish_deadline(std::uint64_t flags) {
    last_touch_.store(is_deadline | flags | milliseconds(conversation()->deadline()),
                      std::memory_order_relaxed);
  }

  SharedLoop& loop_;
  std::atomic<std::uint64_t> last_touch_;
  const unsigned opened_by_;  ///< the worker that counts its begin and end
  bool timed_out_ = false;    ///< used by the loop only
  // Not used by the loop; as in AsioConnection.
  bool goes_on_ = false;
  bool finished_ = false;
};

class SharedLoop {
 public:
  SharedLoop(const server::Serving& serving, unsigned workers);

  /// Calls `serve` for each admitted connection until the stop, on any of the workers; returns when
  /// none is left.
  void run(std::function<void(Socket)> serve);

 private:
  friend class SharedConnection;

  void drain();
  void force_stop();
  void check_times();
  /// Whether it is idle, or has not read until its deadline. Interrupts its read at the deadline.
  bool is_late(SharedConnection& connection, std::uint64_t now) const;
  /// Continues on the strand when there was no memory (out_of_memory.hpp).
  void begin_again();
  /// A connection ends. Returns the pause of its LateChain if a drain must wait for the peer.
  std::optional<std::chrono::milliseconds> remove(SharedConnection& connection);
  /// The connection is closed, or its LateChain is in the list.
  void removed();

  const server::Serving& serving_;
  const unsigned workers_;
  std::function<void(Socket)> serve_;
  std::atomic<server::IdleClock::Tick> tick_{0};  ///< of the idle clock, for all threads
  std::atomic<bool> forced_{false};

  std::mutex mutex_;  ///< of the list and the drain; taken when a connection begins and ends
  boost::intrusive::list<SharedConnection, boost::intrusive::constant_time_size<false>>
      connections_;
  std::size_t ending_ = 0;  ///< between remove() and removed()
  bool draining_ = false;
  server::LateReaders late_;

  asio::io_context io_;  // after the list, which its connections leave on destruction
  Strand strand_{io_.get_executor()};
  AsioAcceptor acceptor_;
  StopEvents stop_;
  IdleScan idle_;
};

inline const server::Serving& SharedConnection::serving() const {
  return loop_.serving_;
}

inline void SharedConnection::touch() {
  last_touch_.store(loop_.tick_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

}  // namespace echo_async
