#include "client/ramp.hpp"

#include <algorithm>

namespace client {

std::uint64_t Ramp::room() const {
  if (hopeless() || in_flight() >= window_) return 0;
  return std::min(window_ - in_flight(), not_attempted());
}

bool Ramp::hopeless() const {
  return timed_out_ > 0 && timed_out_ == failed_ && established_ == 0 &&
         timed_out_ >= std::min(window_, total_);
}

bool Ramp::finished() const {
  return in_flight() == 0 && (not_attempted() == 0 || hopeless());
}

}  // namespace client
