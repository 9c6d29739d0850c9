#include "client/activity/churn.hpp"

#include <algorithm>
#include <limits>

#include "client/activity/connecting.hpp"

namespace client {
namespace {

/// Time from a failed connect to the next one. An immediate retry would be a busy loop.
constexpr std::chrono::milliseconds retry_delay{10};

}  // namespace

Churn::Churn(Table& table, const Traffic& traffic, std::uint32_t first, std::uint32_t stride,
             const std::optional<Pace>& connects)
    : TrafficActivity(table, traffic),
      next_number_(first + table.used() * stride),
      stride_(stride),
      connects_(connects),
      ramp_(ramp_after(table, std::numeric_limits<std::uint64_t>::max())) {
  table.send_up_to(traffic.messages, traffic.half_close);
  for (std::uint32_t i = table.size(); i-- > 0;) {
    if (table[i].state == State::unopened) table[i].state = State::ended;  // none is requested yet
    if (table[i].state == State::ended) vacant_.push_back(i);
  }
}

std::optional<Nanoseconds> Churn::step() {
  if (table_.at() < traffic_.start) return traffic_.start;
  if (!started_) {
    started_ = true;
    table_.tick();
    // Connection 0, opened alone, is the first.
    if (table_[0].state == State::standing && table_[0].begun == 0) {
      begin_next(0);
      table_.flush(0);
    }
  }
  if (ramp_.hopeless() || (over() && vacant_.size() == table_.size())) return std::nullopt;
  if (over()) return never;
  if (table_.at() < retry_at_) return std::min(retry_at_, traffic_.stop_at);
  const std::uint64_t room = std::min<std::uint64_t>(ramp_.room(table_.at()), vacant_.size());
  Nanoseconds next = room > 0 ? table_.at() : ramp_.next_check().value_or(never);
  for (std::uint64_t i = 0; i < std::min(room, connect_batch); ++i) {
    if (connects_) {
      next = traffic_.start + connects_->due();
      if (next > table_.at() || next >= traffic_.stop_at) break;
      connects_->advance();
    }
    open_next();
  }
  return std::min(next, traffic_.stop_at);
}

void Churn::open_next() {
  const std::uint32_t index = vacant_.back();
  vacant_.pop_back();
  ramp_.started();
  const std::uint32_t number = next_number_;
  next_number_ += stride_;
  table_.open_and_send(index, number);
}

void Churn::on_established(std::uint32_t index) {
  ramp_.established();
  table_.recorder().established();
  table_.begin(index, table_.at());  // even after the end: its first bytes may already be sent
  begin_next(index);
  table_.flush(index);
}

void Churn::on_connect_failed(std::uint32_t, Outcome outcome) {
  outcome == Outcome::connect_timeout ? ramp_.timed_out() : ramp_.failed();
  retry_at_ = table_.at() + retry_delay;
  if (outcome == Outcome::refused && ramp_.any_established()) table_.probe_server();
}

void Churn::on_echoes(std::uint32_t index) {
  Connection& connection = table_[index];
  // After the end of the time, a connection ends with the echoes that it has.
  const bool last = over() && connection.in_flight() == 0;
  if (last) connection.complete = true;
  if (connection.complete) return table_.finish(index);
  begin_next(index);
  if (connection.writing < connection.begun) table_.flush(index);
}

void Churn::on_end(std::uint32_t index) {
  vacant_.push_back(index);
}

}  // namespace client
