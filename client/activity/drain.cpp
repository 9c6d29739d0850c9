#include "client/activity/drain.hpp"

#include <algorithm>

namespace client {
namespace {

/// Sockets half-closed between two reads of the events.
constexpr std::uint32_t half_close_batch = 64;
/// Sockets closed at the end between two looks at the stop and the progress: the kernel needs some
/// 10 us for each.
constexpr std::uint32_t close_batch = 1'024;
/// How long the peers of half-closed connections may stay silent.
constexpr std::chrono::milliseconds quiet_period{500};

}  // namespace

Drain::Drain(Table& table, Nanoseconds hard_end, bool reset)
    : Activity(Phase::drain),
      table_(table),
      hard_end_(hard_end),
      reset_(reset),
      whole_(table.running()),
      began_(table.at()) {}

std::optional<Nanoseconds> Drain::step() {
  if (closing_) return close_next();
  if (const auto again = half_close_next()) return again;
  const Nanoseconds quiet_at = std::max(table_.last_event(), began_) + quiet_period;
  if (!over(quiet_at)) return whole_ ? quiet_at : std::min(quiet_at, hard_end_);
  closing_ = true;
  return close_next();
}

std::optional<Nanoseconds> Drain::half_close_next() {
  for (std::uint32_t closed = 0; next_ < table_.size() && closed < half_close_batch; ++next_) {
    if (table_[next_].state != State::standing) continue;
    ++closed;
    if (reset_) {  // nothing can be received after a RST
      table_.end(next_, {Outcome::served, phase(), 0});
    } else {
      table_.half_close(next_);
    }
  }
  if (next_ == table_.size()) return std::nullopt;
  return table_.at();
}

bool Drain::over(Nanoseconds quiet_at) const {
  const bool in_time = whole_ ? table_.running() : table_.at() < hard_end_;
  return table_.standing() == 0 || table_.forced() || table_.at() >= quiet_at || !in_time;
}

std::optional<Nanoseconds> Drain::close_next() {
  for (std::uint32_t closed = 0; next_closed_ < table_.size() && closed < close_batch;
       ++next_closed_) {
    if (table_[next_closed_].state != State::draining) continue;
    ++closed;
    table_.end(next_closed_, {Outcome::served, phase(), 0});
  }
  if (next_closed_ == table_.size()) return std::nullopt;
  return table_.at();
}

}  // namespace client
