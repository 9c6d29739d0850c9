#include "server/workers.hpp"

#include <sched.h>

#include <exception>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "limits/cpu.hpp"

namespace server {

WorkerScope::WorkerScope(const Serving& serving, unsigned worker, Kind kind)
    : counts_(serving.counters.worker(worker)) {
  const std::vector<unsigned>& cpus = serving.options.cpus;
  if (!cpus.empty()) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpus[(serving.counters.first() + worker) % cpus.size()], &one);
    ::sched_setaffinity(0, sizeof one, &one);  // server_main has checked that it is allowed
  }
  counts_.clock = kind == Kind::thread ? limits::thread_clock() : limits::process_clock();
}

WorkerScope::~WorkerScope() {
  const auto cpu = limits::cpu_time_of(counts_.clock.exchange(0));
  if (cpu) counts_.cpu_ns += static_cast<std::uint64_t>(cpu->count());
}

namespace {

/// The argument of a worker's thread. std::thread cannot be used: it takes no stack size.
struct ThreadArgument {
  const std::function<void(unsigned)>* run = nullptr;
  unsigned worker = 0;
};

void* run_thread(void* argument) {
  const ThreadArgument& mine = *static_cast<const ThreadArgument*>(argument);
  (*mine.run)(mine.worker);
  return nullptr;
}

}  // namespace

void run_workers(const Serving& serving, unsigned count, const std::function<void(unsigned)>& work,
                 const std::function<void()>& meanwhile, const ThreadAttributes& attributes) {
  std::mutex mutex;
  std::exception_ptr first;
  const auto fail = [&](std::exception_ptr why) {
    const std::lock_guard lock(mutex);
    if (!first) first = std::move(why);
    serving.stop.request_force();
  };
  const std::function<void(unsigned)> run = [&](unsigned worker) {
    try {
      const WorkerScope scope{serving, worker};
      work(worker);
    } catch (...) {
      fail(std::current_exception());
    }
  };
  std::vector<ThreadArgument> arguments(count);
  std::vector<pthread_t> threads;
  threads.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    arguments[i] = {&run, i};
    pthread_t thread{};
    const int error = ::pthread_create(&thread, attributes.get(), run_thread, &arguments[i]);
    if (error != 0) {
      fail(std::make_exception_ptr(
          std::system_error(error, std::generic_category(), "pthread_create for a worker")));
      break;
    }
    threads.push_back(thread);
  }
  try {
    if (meanwhile) meanwhile();
  } catch (...) {
    fail(std::current_exception());
  }
  for (const pthread_t thread : threads) ::pthread_join(thread, nullptr);
  if (first) std::rethrow_exception(first);
}

}  // namespace server
