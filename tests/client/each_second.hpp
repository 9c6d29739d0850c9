// The example of docs/adding-a-traffic.md. Each second: one message on each connection, all due at
// the same moment, whether or not the server keeps up. A message whose connection still waits for
// an echo is sent with that echo, and its latency counts from its due time.
#pragma once

#include <algorithm>
#include <vector>

#include "client/activity/participants.hpp"
#include "client/activity/traffic.hpp"

namespace client {

class EachSecond final : public TrafficActivity {
 public:
  /// All established connections take part, until traffic.stop_at; traffic.messages is not used.
  EachSecond(Table& table, const Traffic& traffic)
      : TrafficActivity(table, open(traffic)), participants_(table), begun_(table.size()) {}

  std::optional<Nanoseconds> step() override {
    if (table_.at() < traffic_.start) return traffic_.start;
    if (table_.standing() == 0) return std::nullopt;
    for (std::size_t i = 0; i < send_batch && is_due(second_); ++i) visit_next();
    if (!over()) return std::min(due(second_), traffic_.stop_at);
    return table_.in_flight() > 0 ? std::optional{never} : std::nullopt;
  }

  void on_echoes(std::uint32_t index) override {
    bool any = false;
    for (; may_begin(index); any = true) {
      table_.recorder().waited(due(begun_[index]), table_.at());
      begin(index);
    }
    if (any) table_.flush(index);
  }

  void finish() override {
    const Nanoseconds until = std::min(table_.at(), traffic_.stop_at);
    for (const std::uint32_t index : participants_) {
      for (std::uint32_t k = begun_[index]; due(k) < until; ++k)
        table_.recorder().never_sent(due(k), until, 1);
    }
    participants_.end_untried(table_, phase());
    TrafficActivity::finish();
  }

 private:
  /// A pace marks an open loop: the recorder then keeps the wire latency too.
  static Traffic open(Traffic traffic) {
    traffic.pace = Pace::evenly(1);
    traffic.messages = 0;
    return traffic;
  }
  [[nodiscard]] Nanoseconds due(std::uint32_t k) const {
    return traffic_.start + std::chrono::seconds{k};
  }
  [[nodiscard]] bool is_due(std::uint32_t k) const {
    return due(k) <= table_.at() && due(k) < traffic_.stop_at;
  }
  [[nodiscard]] bool may_begin(std::uint32_t index) const {
    const Connection& connection = table_[index];
    return table_.running() && !over() && connection.state == State::standing &&
           connection.in_flight() < table_.depth() && is_due(begun_[index]);
  }
  void begin(std::uint32_t index) { table_.begin(index, due(begun_[index]++)); }

  /// The message of the next connection in this second, if on_echoes() has not begun it.
  void visit_next() {
    const std::uint32_t index = participants_[next_];
    if (begun_[index] == second_ && may_begin(index)) {
      table_.tick();
      table_.recorder().lateness(due(second_), table_.at());
      begin(index);
      table_.flush(index);
    }
    if (++next_ < participants_.size()) return;
    next_ = 0;
    ++second_;
  }

  Participants participants_;
  std::vector<std::uint32_t> begun_;  ///< by entry; Table sets Connection::begun back at its end
  std::uint32_t second_ = 0;
  std::size_t next_ = 0;  ///< of the participants, in this second
};

}  // namespace client
