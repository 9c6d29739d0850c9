#include "client/measure/heartbeat.hpp"

#include <algorithm>
#include <system_error>

namespace client {
namespace {

/// Hours of a process that is away half of the time; more are not kept.
constexpr std::size_t most_absences = 100'000;

}  // namespace

Absences& Absences::operator+=(const Absences& other) {
  count += other.count;
  sum += other.sum;
  longest = std::max(longest, other.longest);
  return *this;
}

Heartbeat::Heartbeat() : last_(now()) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    beats_ = false;
  }
}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Heartbeat::run() {
  std::unique_lock lock(mutex_);
  while (!over_) {
    const std::chrono::steady_clock::time_point due{last_ + period};
    changed_.wait_until(lock, due, [this] { return over_; });
    lock.unlock();
    beat(now());
    lock.lock();
  }
}

void Heartbeat::beat(Nanoseconds at) {
  const std::lock_guard lock(mutex_);
  if (at - last_ > longest_gap && absences_.size() < most_absences)
    absences_.push_back({last_ + period, at});
  last_ = std::max(last_, at);
}

Absences Heartbeat::within(Nanoseconds from, Nanoseconds to) const {
  Absences found;
  const auto add = [&](const Absence& absence) {
    const Nanoseconds part = std::min(absence.to, to) - std::max(absence.from, from);
    if (part.count() <= 0) return;
    found += {1, part, part};
  };
  const std::lock_guard lock(mutex_);
  for (auto absence = absences_.rbegin(); absence != absences_.rend() && absence->to > from;
       ++absence) {
    add(*absence);
  }
  if (beats_ && to - last_ > longest_gap) add({last_ + period, to});
  return found;
}

}  // namespace client
