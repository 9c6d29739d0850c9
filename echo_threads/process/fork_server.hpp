// A thread that forks, with its own, nearly empty descriptor table.
//
// fork(2) copies the descriptor table of the calling thread, and the child then closes its copies:
// with 10,000 connections and pidfds in the table this takes 1 to 2 ms per child. So the thread
// that forks leaves the table of its process (unshare(2), CLONE_FILES; no privilege needed) and
// receives the child's descriptors over a Unix socket, as from another process (unix(7),
// SCM_RIGHTS). The accepting thread keeps its table, its pidfds and its own descriptor limit. Where
// a filter refuses unshare(2), as containers often do, the calling thread forks and pays for its
// whole table.
#pragma once

#include <sys/types.h>

#include <functional>
#include <initializer_list>
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

  /// Forks and runs `child` in the child; the calling thread waits meanwhile. The standard
  /// descriptors and `keep` (four at most, in ascending order) have the same numbers in the child.
  /// `handed_over`, if not -1, gets the lowest free number there, because the size of a table
  /// depends on its highest number. Further descriptors may be open in the child. Returns the
  /// child's process id, or -1 with errno.
  pid_t fork(std::initializer_list<int> keep, int handed_over, const Child& child);

 private:
  void work();

  echo::Descriptor ours_;
  echo::Descriptor its_;  ///< stays open here, so that nothing else gets its number
  std::thread thread_;
  bool own_table_ = true;  ///< false: the thread could not leave the table of the process
};

}  // namespace echo_threads
