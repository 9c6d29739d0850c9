// A table without sockets and without a clock: the test says what happens to each connection and
// when, and looks at what the activity did.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "client/activity/activity.hpp"

namespace client::fixtures {

class ScriptedTable : public Table {
 public:
  explicit ScriptedTable(std::uint32_t connections, std::uint32_t depth = 1)
      : Table(connections, depth, false) {}

  /// Events are passed to `activity` from now on.
  void run(Activity& activity) { activity_ = &activity; }

  // ---- what the test does
  void set_clock(Nanoseconds to) { at_ = clock_ = to; }
  /// The clock that the next tick() reads.
  void set_next_tick(Nanoseconds to) { clock_ = to; }
  void interrupt() { stop(StopReason::interrupted); }
  void force() { forced_ = true; }
  /// All entries are established connections.
  void establish_all() {
    for (std::uint32_t i = 0; i < size(); ++i) {
      open(i, i);
      Table::establish(i, at_);
    }
    opened.clear();
  }
  void establish(std::uint32_t index) {
    Table::establish(index, at_);
    if (activity_ != nullptr) activity_->on_established(index);
  }
  void fail_connect(std::uint32_t index, Outcome outcome) {
    if (activity_ != nullptr) activity_->on_connect_failed(index, outcome);
    end(index, {outcome, Phase::connect, 0});
  }
  /// `count` messages of the connection are answered now.
  void answer(std::uint32_t index, std::uint32_t count = 1) {
    Connection& connection = connections_[index];
    ASSERT_LE(count, connection.in_flight());
    for (std::uint32_t i = 0; i < count; ++i)
      recorder_.echoed(flight(index, connection.echoed++), at_, 64);
    in_flight_ -= count;
    last_event_ = at_;
    if (connection.echoed == quota_) connection.complete = true;
    if (activity_ != nullptr) activity_->on_echoes(index);
  }

  // ---- what the activity does
  void open(std::uint32_t index, std::uint32_t number) override {
    enter(index, number, at_);
    opened.push_back(number);
  }
  void open_and_send(std::uint32_t index, std::uint32_t number) override { open(index, number); }
  void flush(std::uint32_t index) override {
    connections_[index].writing = connections_[index].begun;
    flushed.push_back(index);
    if (connections_[index].writing == fin_after_) fins.push_back(index);
  }
  void half_close(std::uint32_t index) override {
    connections_[index].state = State::draining;
    fins.push_back(index);
  }
  void finish(std::uint32_t index) override { end(index, {Outcome::served, Phase::drain, 0}); }
  void end(std::uint32_t index, const Failure& how) override {
    Connection& connection = connections_[index];
    if (connection.state == State::standing || connection.state == State::draining) {
      --standing_;
      in_flight_ -= connection.in_flight();
    }
    connection.begun = connection.echoed;
    connection.state = State::ended;
    tally_.end(how);
    if (activity_ != nullptr) activity_->on_end(index);
  }
  void probe_server() override {
    ++probes;
    if (server_is_gone) stop(StopReason::server_lost);
  }
  void tick() override {
    at_ = clock_;
    recorder_.advance(at_);
  }

  [[nodiscard]] const Tally& tally() const { return tally_; }

  std::vector<std::uint32_t> opened;   ///< numbers, in order
  std::vector<std::uint32_t> flushed;  ///< entries, in order
  std::vector<std::uint32_t> fins;     ///< entries, in order
  int probes = 0;
  bool server_is_gone = false;

 private:
  Activity* activity_ = nullptr;
  Nanoseconds clock_{};
};

/// Traffic that begins at once and is measured from its beginning.
inline Traffic measured_until(Nanoseconds stop_at) {
  return {.start = Nanoseconds{0}, .measure_from = Nanoseconds{0}, .stop_at = stop_at};
}

}  // namespace client::fixtures
