// The threads of a model that has several workers: started, pinned, their CPU time counted.
#pragma once

#include <functional>

#include "echo/model.hpp"

namespace echo {

/// While it lives, the calling thread works as `worker`: its CPU time is that worker's, and with
/// --cpus it runs on one processor, the workers taking those of the list in turn. In a forked
/// child: the same for the child.
class AtWork {
 public:
  enum class As { thread, process };
  AtWork(const Serving& serving, unsigned worker, As as = As::thread);
  ~AtWork();
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  WorkerCounts& counts_;
};

/// Runs `work(0)` to `work(count - 1)`, each AtWork on a thread of its own, and returns when all
/// have. When one throws, or cannot be started, the stop is forced, so that the others return too;
/// the first exception is then thrown on. std::system_error when a thread cannot be had.
/// `meanwhile` runs on the calling thread, and may be empty.
void run_workers(const Serving& serving, unsigned count, const std::function<void(unsigned)>& work,
                 const std::function<void()>& meanwhile = {});

}  // namespace echo
