#include "client/measure/sampler.hpp"

namespace client {
namespace {

std::uint32_t saturated(Nanoseconds time) {
  constexpr Nanoseconds::rep most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<Nanoseconds::rep>(time.count(), 0, most));
}

}  // namespace

void Sampler::keep_gap(Nanoseconds at) {
  samples_.send_gaps.push_back(saturated(at - last_sent_));
  until_gap_ = samples_.send_gaps.size() < most_samples ? every_ : never_again;
}

void Sampler::keep_latency(Nanoseconds latency) {
  samples_.latencies.emplace_back(saturated(last_latency_), saturated(latency));
  until_latency_ = samples_.latencies.size() < most_samples ? every_ : never_again;
}

}  // namespace client
