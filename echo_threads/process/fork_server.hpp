// A thread that forks, with a descriptor table of its own in which there is next to nothing.
//
// fork(2) copies the table of the thread that calls it, and the child then closes its copies: with
// 10,000 connections and pidfds in it that is 1 to 2 ms for each child. So the thread that forks
// leaves its process's table (unshare(2), CLONE_FILES; no privilege needed), and is sent what the
// child is to have, as one process would send it to another (unix(7), SCM_RIGHTS). Whoever accepts
// keeps its table, its pidfds and its own limit on them. Where a filter refuses that (containers
// often refuse unshare(2) altogether), the calling thread forks, and pays for its table.
#pragma once

#include <sys/types.h>

#include <functional>
#include <initializer_list>
#include <thread>

#include "echo/descriptor.hpp"

namespace echo_threads {

class ForkServer {
 public:
  /// Throws std::system_error when there is no descriptor or thread to be had.
  ForkServer();
  ~ForkServer();
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;

  /// What a child does; it is given the number that `handed_over` has there, and must not return.
  using Child = std::function<void(int handed_over)>;

  /// Forks, and runs `child` in the child. The standard descriptors and `keep` (four at most, in
  /// ascending order) have the numbers there that they have here; `handed_over`, where it is one,
  /// has the lowest that is free, for a table is as long as its highest number asks for. Others may
  /// be open there, too. Returns the child's number, or -1 with errno. The calling thread waits
  /// meanwhile.
  pid_t fork(std::initializer_list<int> keep, int handed_over, const Child& child);

 private:
  void work();

  echo::Descriptor ours_;
  echo::Descriptor its_;  ///< open here as well, so that nothing else gets its number
  std::thread thread_;
  bool apart_ = true;  ///< the thread has a table of its own
};

}  // namespace echo_threads
