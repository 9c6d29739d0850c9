// The threads of a model that has several workers: started, pinned, their CPU time counted.
#pragma once

#include <pthread.h>

#include <functional>

#include "server/model.hpp"

namespace server {

/// While it lives, the calling thread works as `worker`: its CPU time is that worker's, and with
/// --cpus it runs on one processor, the workers taking those of the list in turn. In a forked
/// child: the same for the child.
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

/// What a thread is started with: its stack's size and guard (pthread_attr_setstacksize(3)).
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

/// Runs `work(0)` to `work(count - 1)`, each WorkerScope on a thread of its own, and returns when
/// all have. When one throws, or cannot be started, the stop is forced, so that the others return
/// too; the first exception is then thrown on. std::system_error when a thread cannot be had.
/// `meanwhile` runs on the calling thread, and may be empty.
void run_workers(const Serving& serving, unsigned count, const std::function<void(unsigned)>& work,
                 const std::function<void()>& meanwhile = {},
                 const ThreadAttributes& attributes = {});

}  // namespace server
