// A thread that forks, with its own, nearly empty descriptor table.
//
// fork(2) copies the descriptor table of the calling thread, and the child then closes its copies:
// with 10,000 connections and pidfds in the table this takes 1 to 2 ms per child. So the thread
// that forks leaves the table of its process (unshare(2), CLONE_FILES; no privilege needed) and
// receives the child's descriptors over a Unix socket, as from another process (unix(7),
// SCM_RIGHTS). The accepting thread keeps its table, its pidfds and its own descriptor limit. Where
// a filter refuses unshare(2), as containers often do, the calling thread forks and pays for its
// whole table.
//
// Only descriptors go through the socket. The request and its reply lie in memory that both threads
// share, under a mutex, so no failing system call can lose a reply, mix up two of them or leave the
// caller waiting.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <thread>

#include "echo/descriptor.hpp"

namespace echo_threads {

class ForkServer {
 public:
  /// Throws std::system_error when the sockets or the thread cannot be created.
  ForkServer();
  ~ForkServer();
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;

  /// The function that the child runs; it must not return. Its argument is the number that
  /// `handed_over` has in the child, or -1.
  using Child = std::function<void(int handed_over)>;

  /// The most descriptors that fork() can keep.
  static constexpr std::size_t most_kept = 4;

  /// Forks and runs `child` in the child; the calling thread waits meanwhile. The standard
  /// descriptors and `keep` (`most_kept` at most, in ascending order) have the same numbers in the
  /// child. `handed_over`, if not -1, gets the lowest free number there, because the size of a
  /// table depends on its highest number. Further descriptors may be open in the child. Returns the
  /// child's process id, which is positive, or -1 with errno.
  pid_t fork(std::initializer_list<int> keep, int handed_over, const Child& child);

 private:
  /// A request, valid while its caller waits in fork().
  struct Request {
    const Child* child;
    std::size_t kept;   ///< descriptors whose numbers the child keeps; they come first
    std::size_t count;  ///< all descriptors: one more than `kept` when one is handed over
    const int* numbers;
  };
  enum class State { idle, requested, answered, ended };

  void work();
  void serve_requests();
  /// On the thread that forks: the child's process id, or -1 with errno.
  pid_t serve(const Request& request);
  /// Waits on the calling thread for the reply of the other one.
  pid_t wait_for_reply(std::unique_lock<std::mutex>& lock);

  echo::Descriptor ours_;
  echo::Descriptor its_;  ///< stays open here, so that nothing else gets its number
  std::mutex mutex_;      ///< of the five below
  std::condition_variable changed_;
  State state_ = State::requested;  ///< the first request is to leave the table of the process
  Request request_{};
  std::uint64_t number_ =
      0;            ///< of the request: tells its descriptors from those of one that failed
  pid_t pid_ = -1;  ///< the reply
  int error_ = 0;
  std::thread thread_;
  bool own_table_ = true;  ///< false: the thread could not leave the table of the process
};

}  // namespace echo_threads
