// One io_context that several threads run, its connections, and the stop: what Loop is for one
// thread (loop.hpp).
#pragma once

#include <atomic>
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
#include "server/model.hpp"
#include "server/send_queue.hpp"

namespace echo_async {

class SharedLoop;

/// A connection that all workers share. Its own handlers run one at a time, on any thread; a
/// handler of the loop may run on another meanwhile. So the two share nothing but atomics and the
/// descriptor's number, and the loop calls shutdown(2) on it, never Asio's close(): pending
/// operations then end by themselves. The descriptor is open as long as the connection is in the
/// list. At its end in a drain, a LateChain may take its place, as for AsioConnection.
class SharedConnection : public ConnectionSocket, public boost::intrusive::list_base_hook<> {
 public:
  SharedConnection(Socket socket, SharedLoop& loop);
  SharedConnection(TakeOver, SharedConnection& ended) noexcept;
  ~SharedConnection();

  [[nodiscard]] const server::Serving& serving() const;
  /// A byte was received or sent, or a sleep ended: the connection is not idle.
  void touch();
  /// Counts a part of a reply, for the worker that this thread is.
  void sent(std::size_t bytes);
  /// The same for a reply that was sent completely: `bytes` that sent() has not counted.
  void echoed(std::size_t bytes);
  /// Reads some bytes into `room`, immediately. A read in turn (connection_list.hpp) would take the
  /// lock of the one queue, which costs as much as it saves.
  template <typename Handler>
  void read_some(std::span<std::byte> room, Handler&& handler) {
    socket().async_read_some(asio::buffer(room.data(), room.size()),
                             std::forward<Handler>(handler));
  }
  /// Waits for --work sleep:. The server delays the reply, so this time does not count as idle.
  template <typename Handler>
  void sleep(std::chrono::nanoseconds time, Handler&& handler) {
    last_touch_.store(sleeping, std::memory_order_relaxed);
    wait(time, std::forward<Handler>(handler));
  }

 private:
  friend class SharedLoop;

  static constexpr std::uint64_t sleeping = UINT64_MAX;  ///< in place of a tick

  SharedLoop& loop_;
  std::atomic<std::uint64_t> last_touch_;
  const unsigned opened_by_;  ///< the worker that counts its begin and end
  bool timed_out_ = false;    ///< used by the loop only
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
  void close_idle();
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

}  // namespace echo_async
