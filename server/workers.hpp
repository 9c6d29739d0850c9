// The threads of a model with several workers: starts them, pins them, counts their CPU time.
#pragma once

#include <pthread.h>

#include <functional>

#include "server/model.hpp"

namespace server {

/// While it lives, the calling thread is `worker`: its CPU time counts for that worker. With --cpus
/// it runs on one processor of the list, assigned to workers in turn. In a forked child: the same
/// for the child process.
class WorkerScope {
 public:
  enum class Kind { thread, process };
  WorkerScope(const Serving& serving, unsigned worker, Kind kind = Kind::thread);
  ~WorkerScope();
  WorkerScope(const WorkerScope&) = delete;
  WorkerScope& operator=(const WorkerScope&) = delete;

 private:
  WorkerCounts& counts_;
};

/// Owns a pthread_attr_t: the stack size and guard size of a thread (pthread_attr_setstacksize(3)).
class ThreadAttributes {
 public:
  ThreadAttributes() { ::pthread_attr_init(&attributes_); }
  ~ThreadAttributes() { ::pthread_attr_destroy(&attributes_); }
  ThreadAttributes(const ThreadAttributes&) = delete;
  ThreadAttributes& operator=(const ThreadAttributes&) = delete;
  [[nodiscard]] pthread_attr_t* get() { return &attributes_; }
  [[nodiscard]] const pthread_attr_t* get() const { return &attributes_; }

 private:
  pthread_attr_t attributes_;
};

/// Runs `work(0)` to `work(count - 1)`, each on its own thread in a WorkerScope, and returns when
/// all have returned. When one throws or a thread cannot be started, it forces the stop so that the
/// remaining workers return too, and rethrows the first exception. Throws std::system_error when a
/// thread cannot be started. `meanwhile` runs on the calling thread and may be empty.
void run_workers(const Serving& serving, unsigned count, const std::function<void(unsigned)>& work,
                 const std::function<void()>& meanwhile = {},
                 const ThreadAttributes& attributes = {});

}  // namespace server
