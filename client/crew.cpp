#include "client/crew.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <system_error>

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

/// Interruption before deadline before a lost server: the contract's precedence of exit codes.
int gravity(Cut cut) {
  switch (cut) {
    case Cut::interrupted:
      return 3;
    case Cut::deadline:
      return 2;
    case Cut::server_lost:
      return 1;
    case Cut::none:
      break;
  }
  return 0;
}

}  // namespace

Crew::Crew(const std::vector<Plan>& plans, const Common& common,
           const std::vector<unsigned>& cpus) {
  for (const Plan& plan : plans) {
    members_.push_back(std::make_unique<Member>());
    members_.back()->loop = std::make_unique<Loop>(plan, common, members_.back()->mailbox);
  }
  try {
    for (unsigned i = 0; i < members_.size(); ++i) {
      members_[i]->thread = std::thread{[this, i] { work(i); }};
      if (!cpus.empty()) pin(members_[i]->thread, cpus[i % cpus.size()]);
    }
  } catch (...) {
    finish();
    throw;
  }
}

Crew::~Crew() {
  finish();
}

void Crew::finish() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (const auto& member : members_) {
    if (member->thread.joinable()) member->thread.join();
  }
}

void Crew::work(unsigned number) {
  std::unique_lock lock(mutex_);
  for (std::uint64_t done = 0;; ++done) {
    changed_.wait(lock, [&] { return over_ || round_ > done; });
    if (round_ == done) return;
    const Task& task = task_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      task(*members_[number]->loop, number);
      members_[number]->loop->post();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && !failure_) failure_ = failure;
    if (--busy_ == 0) changed_.notify_all();
  }
}

void Crew::start(Task task) {
  {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
    busy_ = size();
    ++round_;
  }
  changed_.notify_all();
}

bool Crew::wait_until(Nanoseconds at) {
  std::unique_lock lock(mutex_);
  const std::chrono::steady_clock::time_point until{at};
  return changed_.wait_until(lock, until, [this] { return busy_ == 0; });
}

void Crew::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return busy_ == 0; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

Glimpse Crew::look(echo::Histogram& latency) {
  Glimpse sum;
  for (const auto& member : members_) {
    const Glimpse one = member->mailbox.look(latency);
    sum.phase = one.phase;
    sum.connected += one.connected;
    sum.established += one.established;
    sum.failed += one.failed;
    sum.sent += one.sent;
    sum.echoes += one.echoes;
  }
  return sum;
}

Tally Crew::tally() const {
  Tally sum;
  for (const auto& member : members_) sum += member->loop->tally();
  return sum;
}

Cut Crew::cut() const {
  Cut gravest = Cut::none;
  for (const auto& member : members_) {
    const Cut cut = member->loop->cut();
    if (gravity(cut) > gravity(gravest)) gravest = cut;
  }
  return gravest;
}

}  // namespace client
