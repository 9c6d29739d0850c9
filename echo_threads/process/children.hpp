// The child processes that serve: starting, stopping and reaping them.
//
// Each child has a pidfd (pidfd_open(2)), which becomes readable when the child ends. So there is
// no SIGCHLD handler, which would be global to the program, and no waitpid(-1), which would also
// reap children started elsewhere. Signals go through pidfds too: a process id may belong to
// another process, or stand for a whole group. A stop reaches a child as a signal, because a child
// that is blocked in recv(2) notices nothing else; the handler shuts its connection down, for
// reading when it drains and for both when the stop is forced. The shutdown is permanent, so it
// does not matter whether recv had begun. A terminal or a supervisor may send SIGINT, SIGTERM and
// SIGHUP to all processes: only the parent handles them, children ignore them.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <unordered_map>

#include "echo/descriptor.hpp"
#include "echo_threads/process/fork_server.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// The children of the thread that creates this object. That thread must live as long as they do:
/// they are killed when it ends, even by a crash (PR_SET_PDEATHSIG, prctl(2)).
class Children {
 public:
  struct Ended {
    unsigned slot;                 ///< as given to start()
    std::chrono::nanoseconds cpu;  ///< user and system time of its whole life
    bool forced;                   ///< ended because the stop was forced
  };
  using OnExit = std::function<void(const Ended&)>;

  explicit Children(server::Counters& counters);
  /// Kills and reaps the children that are left; none are after stop().
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// Forks, in a thread with few descriptors (ForkServer). The child runs `work` and never returns.
  /// Its descriptors are the standard ones, `keep`, which must be in ascending order, and
  /// `handed_over`; the argument of `work` is the number that `handed_over` has there, or -1.
  /// `work` may allocate, however many threads the parent has, because glibc's fork() takes
  /// malloc's locks. The parent closes its copy of `handed_over`, which makes room for the pidfd.
  /// Returns false with errno when no process could be forked. False with `handed_over` empty: the
  /// child was forked but could not be watched, and was killed.
  bool start(unsigned slot, std::initializer_list<int> keep, const std::function<void(int)>& work,
             echo::Descriptor& handed_over);

  [[nodiscard]] std::size_t count() const { return children_.size(); }
  /// Readable when a child has ended.
  [[nodiscard]] int ended_fd() const { return epoll_.get(); }
  /// Reaps the children that have ended and calls `on_exit` for each.
  void reap(const OnExit& on_exit);
  /// Lets all children that there are now finish; stop() does it for all.
  void drain();
  /// Lets all children finish, ends them if the stop is forced meanwhile, and returns when none is
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
  /// Reaps a child and counts it; nullopt while it runs or cannot be reaped.
  std::optional<Ended> try_reap(pid_t pid, unsigned slot);
  void kill_and_reap(pid_t pid, unsigned slot);
  /// Waits for a child's end, for `or_until`, or for `most`.
  void wait_and_reap(std::chrono::milliseconds most, int or_until, const OnExit& on_exit);

  server::Counters& counters_;
  echo::Descriptor epoll_;
  sigset_t mask_before_;  ///< declared before fork_server_, whose thread inherits the new mask
  ForkServer fork_server_;
  bool killing_ = false;
  std::unordered_map<int, Child> children_;  ///< by pidfd
};

/// In a child: echo_until_eof() on a connection; a stop shuts the connection down.
void serve_in_child(int connection, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker);
/// In a child: whether a forced stop has ended the connection, which then counts as open.
bool stop_was_forced_in_child();

}  // namespace echo_threads
