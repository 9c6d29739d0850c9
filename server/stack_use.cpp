#include "server/stack_use.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace server {

StackUse StackUse::of_this_machine() {
  return {static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)),
          static_cast<std::uint64_t>(::sysconf(_SC_THREAD_STACK_MIN))};
}

void StackUse::add(std::uint64_t high_water_bytes) {
  ++counts_[high_water_bytes];
  ++threads_;
}

StackUse& StackUse::operator+=(const StackUse& other) {
  for (const auto& [bytes, threads] : other.counts_) counts_[bytes] += threads;
  threads_ += other.threads_;
  return *this;
}

std::optional<std::uint64_t> StackUse::percentile(double percent) const {
  constexpr std::uint64_t least_above = 10;
  const auto rank =
      static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(threads_) - 1e-9));
  if (rank == 0 || threads_ < rank + least_above) return std::nullopt;
  std::uint64_t seen = 0;
  for (const auto& [bytes, threads] : counts_) {
    seen += threads;
    if (seen >= rank) return bytes;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> StackUse::max() const {
  if (counts_.empty()) return std::nullopt;
  return counts_.rbegin()->first;
}

std::uint64_t StackUse::pages_used() const {
  return (max().value_or(0) + page_ - 1) / page_ * page_;
}

std::optional<std::uint64_t> StackUse::smallest_size() const {
  if (counts_.empty()) return std::nullopt;
  return std::max(pages_used(), least_);
}

bool StackUse::used_less_than_minimum() const {
  return !counts_.empty() && pages_used() < least_;
}

}  // namespace server
