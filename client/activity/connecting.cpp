#include "client/activity/connecting.hpp"

#include <algorithm>

namespace client {
Ramp ramp_after(Table& table, std::uint64_t total) {
  Ramp ramp{total, table.size()};
  for (std::uint32_t i = 0; i < table.used(); ++i) {
    ramp.started();
    const State state = table[i].state;
    if (state == State::standing) ramp.established();
    if (state == State::ended) ramp.failed();
  }
  return ramp;
}

Connecting::Connecting(Table& table, std::uint32_t first, std::uint32_t stride,
                       const std::optional<Pace>& connects, const std::atomic<bool>* enough)
    : Activity(Phase::connect),
      table_(table),
      first_(first),
      stride_(stride),
      connects_(connects),
      enough_(enough),
      ramp_(ramp_after(table, table.size())),
      start_(table.at()) {}

std::optional<Nanoseconds> Connecting::step() {
  if (enough_ != nullptr && enough_->load(std::memory_order_relaxed)) ramp_.end();
  if (ramp_.finished()) return std::nullopt;
  const std::uint64_t room = ramp_.room(table_.at());
  Nanoseconds next = room > 0 ? table_.at() : ramp_.next_check().value_or(never);
  for (std::uint64_t i = 0; i < std::min(room, connect_batch); ++i) {
    if (connects_) {
      next = start_ + connects_->due();
      if (next > table_.at()) break;
      connects_->advance();
    }
    ramp_.started();
    const std::uint32_t index = table_.used();
    table_.open(index, first_ + index * stride_);
  }
  return next;
}

void Connecting::on_established(std::uint32_t) {
  ramp_.established();
}

void Connecting::on_connect_failed(std::uint32_t, Outcome outcome) {
  outcome == Outcome::connect_timeout ? ramp_.timed_out() : ramp_.failed();
}

/// The rest is not tried after a server that never answered, and where there are enough.
void Connecting::finish() {
  const bool enough = enough_ != nullptr && enough_->load(std::memory_order_relaxed);
  if (!ramp_.hopeless() && !enough) return;
  for (std::uint32_t i = ramp_.hopeless() ? 0 : table_.used(); i < table_.size(); ++i) {
    if (table_[i].state != State::ended) table_.end(i, {Outcome::not_attempted, phase(), 0});
  }
}

}  // namespace client
