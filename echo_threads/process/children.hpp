// Processes that serve, and the one that starts, stops and buries them.
//
// Each child is known by a pidfd (pidfd_open(2)), which becomes readable when it ends: no SIGCHLD
// handler, which would be the whole program's, and no waitpid(-1), which would take other people's
// children. A drain reaches a child as a signal, since it sits in recv(2) and hears of nothing
// else; the handler shuts its connection down for reading. That lasts, so it does not matter
// whether recv had begun. SIGINT and SIGTERM, which a terminal or a supervisor may send to all
// processes, are the parent's business and ignored here.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <unordered_map>

#include "echo/descriptor.hpp"
#include "echo_threads/process/fork_server.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// The children of the thread that makes this object, which must live as long as they do: they are
/// killed when it ends, even by a crash (PR_SET_PDEATHSIG).
class Children {
 public:
  struct Ended {
    unsigned slot;                 ///< as given to start()
    std::chrono::nanoseconds cpu;  ///< all it has had
    bool cut;                      ///< killed because the stop was forced
  };
  using OnExit = std::function<void(const Ended&)>;

  explicit Children(server::Counters& counters);
  /// Kills and buries those that are left, which is none after stop().
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// Forks, in a thread that has next to no descriptors (ForkServer). The child runs `work` with
  /// none but the standard ones, `keep`, which must be in ascending order, and `handed_over`, and
  /// never returns; `work` is given the number that `handed_over` has there, or -1. glibc's fork()
  /// takes malloc's locks, so it may allocate, however many threads the parent has. `handed_over`
  /// is the child's from then on: the parent closes its copy, which makes room for the pidfd. False
  /// with errno when there is no process to be had; when it was had and could not be watched, it is
  /// dead and `handed_over` empty.
  bool start(unsigned slot, std::initializer_list<int> keep, const std::function<void(int)>& work,
             echo::Descriptor& handed_over);

  [[nodiscard]] std::size_t count() const { return children_.size(); }
  /// Readable when a child has ended.
  [[nodiscard]] int ended_fd() const { return epoll_.get(); }
  /// Buries those that have ended.
  void reap(const OnExit& on_exit);
  /// Has all children finish, kills them if the stop is forced meanwhile, and returns when none is
  /// left.
  void stop(const echo::Stop& stop, const OnExit& on_exit);

 private:
  struct Child {
    pid_t pid;
    unsigned slot;
    echo::Descriptor pidfd;
  };
  bool watch(pid_t pid, unsigned slot);
  void signal_all(int signal);
  /// Waits for a child that has ended or will at once.
  Ended reap_one(pid_t pid, unsigned slot);

  server::Counters& counters_;
  echo::Descriptor epoll_;
  sigset_t mask_before_;  ///< before the next one's thread inherits what its children are to have
  ForkServer fork_server_;
  bool killing_ = false;
  std::unordered_map<int, Child> children_;  ///< by pidfd
};

/// In a child: echo_until_eof() on a connection that a drain shuts down.
void serve_in_child(int connection, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker);

}  // namespace echo_threads
