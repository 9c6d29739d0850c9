#include "client/schedule/ramp.hpp"

#include <algorithm>

namespace client {

std::uint64_t Ramp::room(Nanoseconds now) {
  if (hopeless() || in_flight() >= most_in_flight || not_attempted() == 0) return 0;
  if (in_flight() - aside_ >= window_) {
    if (!full_since_) full_since_ = now;
    // A window is not set aside before the first answer: a silent server would cost two windows.
    if (established_ == 0 || now - *full_since_ < patience) return 0;
    aside_ = in_flight();
    window_ = std::max(window_ / 2, least_window);
    full_since_.reset();
  }
  // A timeout is no answer: it makes no room before the first window is decided.
  if (established_ == 0 && timed_out_ == failed_) {
    return opening_ - started_;
  }
  return std::min({window_ + aside_ - in_flight(), most_in_flight - in_flight(), not_attempted()});
}

std::optional<Ramp::Nanoseconds> Ramp::next_check() const {
  if (!full_since_ || established_ == 0) return std::nullopt;
  return *full_since_ + patience;
}

void Ramp::answered() {
  aside_ = std::min(aside_, in_flight());
  full_since_.reset();
}

void Ramp::established() {
  ++established_;
  if (full_since_) window_ = std::min(window_ + 1, most_in_flight);  // slow answers, none lost
  answered();
}

void Ramp::failed() {
  ++failed_;
  answered();
}

void Ramp::timed_out() {
  ++timed_out_;
  failed();
}

bool Ramp::hopeless() const {
  return timed_out_ > 0 && timed_out_ == failed_ && established_ == 0 && timed_out_ >= opening_;
}

bool Ramp::finished() const {
  return in_flight() == 0 && (not_attempted() == 0 || hopeless());
}

}  // namespace client
