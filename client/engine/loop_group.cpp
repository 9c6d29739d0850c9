#include "client/engine/loop_group.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "limits/rlimit.hpp"

namespace client {
namespace {

void pin(std::thread& thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const int error = ::pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
  if (error != 0)
    throw std::system_error(error, std::generic_category(), "--cpus: " + std::to_string(cpu));
}

/// Interruption before deadline before a lost server: the documented precedence of exit codes.
int severity(StopReason reason) {
  switch (reason) {
    case StopReason::interrupted:
      return 3;
    case StopReason::deadline:
      return 2;
    case StopReason::server_lost:
      return 1;
    case StopReason::none:
      break;
  }
  return 0;
}

}  // namespace

LoopGroup::LoopGroup(const std::vector<Plan>& plans, const LoopContext& context,
                     const std::vector<unsigned>& cpus, bool own_tables) {
  for (std::size_t i = 0; i < plans.size(); ++i) threads_.push_back(std::make_unique<LoopThread>());
  try {
    for (unsigned i = 0; i < threads_.size(); ++i) {
      threads_[i]->thread = std::thread{[this, i] { work(i); }};
      if (!cpus.empty()) pin(threads_[i]->thread, cpus[i % cpus.size()]);
    }
    start_on_all(
        [&](unsigned number) { make(number, plans[number], context, own_tables && number > 0); });
    wait();
  } catch (...) {
    finish();
    throw;
  }
}

LoopGroup::~LoopGroup() {
  finish();
}

void LoopGroup::finish() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (const auto& each : threads_) {
    if (each->thread.joinable()) each->thread.join();
  }
}

void LoopGroup::make(unsigned number, const Plan& plan, const LoopContext& context,
                     bool own_table) {
  constexpr std::uint64_t others = 64;  // the epoll, the stop, sockets of probes
  if (own_table) {
    limits::leave_descriptor_table({context.stop.drain_fd(), context.stop.force_fd()});
    limits::reserve_descriptor_table(plan.connections + others);
  }
  LoopThread& mine = *threads_[number];
  mine.loop = std::make_unique<Loop>(plan, context, mine.progress_slot);
}

/// On the loop's thread: its descriptors are open in that thread's table only.
void LoopGroup::end(unsigned number) {
  LoopThread& mine = *threads_[number];
  if (!mine.loop) return;
  mine.ended.stop_reason = mine.loop->stop_reason();
  mine.ended.stopped_at = mine.loop->stopped_at();
  mine.ended.tally = std::move(mine.loop->tally());
  mine.loop.reset();
}

void LoopGroup::work(unsigned number) {
  std::unique_lock lock(mutex_);
  for (std::uint64_t done = 0;; ++done) {
    changed_.wait(lock, [&] { return over_ || round_ > done; });
    if (round_ == done) break;
    const std::function<void(unsigned)>& task = task_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      task(number);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && !failure_) failure_ = failure;
    if (--busy_ == 0) changed_.notify_all();
  }
  lock.unlock();
  end(number);
}

void LoopGroup::start(Task task) {
  start_on_all([this, task = std::move(task)](unsigned number) {
    Loop& loop = *threads_[number]->loop;
    task(loop, number);
    loop.post();
  });
}

void LoopGroup::start_on_all(std::function<void(unsigned)> task) {
  {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
    busy_ = size();
    ++round_;
  }
  changed_.notify_all();
}

bool LoopGroup::wait_until(Nanoseconds at) {
  std::unique_lock lock(mutex_);
  const std::chrono::steady_clock::time_point until{at};
  return changed_.wait_until(lock, until, [this] { return busy_ == 0; });
}

void LoopGroup::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return busy_ == 0; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

Progress LoopGroup::look(echo::Histogram& latency) {
  Progress sum;
  for (const auto& each : threads_) {
    const Progress one = each->progress_slot.look(latency);
    sum.phase = one.phase;
    sum.connected += one.connected;
    sum.established += one.established;
    sum.failed += one.failed;
    sum.sent += one.sent;
    sum.echoes += one.echoes;
    sum.received += one.received;
  }
  return sum;
}

Tally LoopGroup::tally() const {
  Tally sum;
  for (const auto& each : threads_) sum += each->loop ? each->loop->tally() : each->ended.tally;
  return sum;
}

StopReason LoopGroup::stop_reason() const {
  StopReason most_severe = StopReason::none;
  for (const auto& each : threads_) {
    const StopReason stop_reason = each->loop ? each->loop->stop_reason() : each->ended.stop_reason;
    if (severity(stop_reason) > severity(most_severe)) most_severe = stop_reason;
  }
  return most_severe;
}

Nanoseconds LoopGroup::stopped_at() const {
  Nanoseconds first = never;
  for (const auto& each : threads_)
    first = std::min(first, each->loop ? each->loop->stopped_at() : each->ended.stopped_at);
  return first;
}

}  // namespace client
