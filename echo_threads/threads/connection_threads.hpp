// A thread for each connection: starting, stopping and joining them, when there are thousands.
//
// What one connection needs is in thread_per_connection.cpp. With 10,000 of them three more things
// matter. Threads are started gently: only a few may have been created and not have run yet. Those
// that have ended are joined in batches, because each join takes ~15 us. And pthread_create fails
// with EAGAIN for causes that may pass, so it is tried again.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <boost/thread/thread.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "echo/descriptor.hpp"
#include "echo_threads/stack/stack.hpp"
#include "echo_threads/stack/stack_region.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// Owns every connection and joins every thread. One thread, the acceptor, calls it.
class ConnectionThreads {
 public:
  /// What each thread does with its connection, such as echo_until_eof(); `buffer` is on its stack.
  using Work = void (*)(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                        unsigned worker);

  /// Throws std::system_error when an eventfd cannot be created or the stack size is refused.
  ConnectionThreads(const server::Serving& serving, const StackOptions& stack, Work work);
  /// Forces the stop if threads are left, and joins them; none are after stop().
  ~ConnectionThreads();
  ConnectionThreads(const ConnectionThreads&) = delete;
  ConnectionThreads& operator=(const ConnectionThreads&) = delete;

  /// Starts a thread that counts the connection as opened, runs `work`, closes the connection and
  /// counts it as closed. Without a thread, or memory, the connection is closed and counted as
  /// shed.
  void start(echo::Descriptor socket);
  /// Threads that are not joined yet.
  [[nodiscard]] std::uint64_t count() const { return unjoined_; }
  /// Readable when a thread has ended.
  [[nodiscard]] int ended_fd() const { return ended_event_.get(); }
  /// Joins a batch of the threads that have ended.
  void join_ended();
  /// Shuts all connections down for reading. Each thread reads what is queued, echoes it, reads EOF
  /// and ends.
  void drain();
  /// Joins all threads. If the stop is forced meanwhile, it shuts the connections down for both
  /// directions, which ends their threads; they count as open at the stop.
  void stop();

 private:
  /// One connection and the thread that serves it. The hook puts it into the list of live or of
  /// ended connections.
  struct Connection : boost::intrusive::list_base_hook<> {
    echo::Descriptor socket;
    /// High water of its painted stack (stack/stack.hpp), in words of 8 bytes; 0: not painted. Only
    /// the thread uses it until it is joined. 32 bits fit into the padding and keep the struct
    /// small.
    std::uint32_t high_water_words = 0;
    boost::thread thread;
    std::byte* stack = nullptr;  ///< of the region; pthread's own: nullptr
  };
  using Connections = boost::intrusive::list<Connection>;

  bool start_thread(Connection& connection);
  void place_on_region(Connection& connection);
  void release_stack(Connection& connection);
  void wait_for_starting_threads();
  void serve(Connection& connection);
  void end(Connection& connection);
  void join_until_none_or_forced();
  void shut_down(int how);

  const server::Serving& serving_;
  const StackOptions& stack_;
  const Work work_;
  const bool ordinary_stacks_;  ///< no paint, no depth to touch, no buffer that steps over a guard
  boost::thread::attributes attributes_;
  std::optional<StackRegion> region_;  ///< used by the acceptor only
  /// The stop was forced: connections that end after this count as open at the stop.
  std::atomic<bool> forced_{false};
  std::uint64_t unjoined_ = 0;             ///< used by the acceptor only
  std::uint64_t started_ = 0;              ///< threads started in all; likewise
  std::atomic<std::uint64_t> running_{0};  ///< of these, those that have begun to run

  std::mutex mutex_;  ///< of the two lists
  Connections live_;
  Connections ended_;
  echo::Descriptor running_event_;  ///< written by each thread that has begun to run
  echo::Descriptor ended_event_;    ///< readable when `ended_` is not empty
};

}  // namespace echo_threads
