#include "echo/workers.hpp"

#include <sched.h>

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "limits/cpu.hpp"

namespace echo {

AtWork::AtWork(const Serving& serving, unsigned worker, As as)
    : counts_(serving.counters.worker(worker)) {
  const std::vector<unsigned>& cpus = serving.options.cpus;
  if (!cpus.empty()) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpus[worker % cpus.size()], &one);
    ::sched_setaffinity(0, sizeof one, &one);  // server_main has checked that it may
  }
  counts_.clock = as == As::thread ? limits::thread_clock() : limits::process_clock();
}

AtWork::~AtWork() {
  const auto cpu = limits::cpu_time_of(counts_.clock.exchange(0));
  if (cpu) counts_.cpu_ns += static_cast<std::uint64_t>(cpu->count());
}

void run_workers(const Serving& serving, unsigned count, const std::function<void(unsigned)>& work,
                 const std::function<void()>& meanwhile) {
  std::mutex mutex;
  std::exception_ptr first;
  const auto fail = [&] {
    const std::lock_guard lock(mutex);
    if (!first) first = std::current_exception();
    serving.stop.request_force();
  };
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    try {
      threads.emplace_back([&, i] {
        try {
          const AtWork at_work{serving, i};
          work(i);
        } catch (...) {
          fail();
        }
      });
    } catch (...) {
      fail();
      break;
    }
  }
  try {
    if (meanwhile) meanwhile();
  } catch (...) {
    fail();
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace echo
