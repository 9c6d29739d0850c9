// Keeps all connections open, without traffic, until a time.
#pragma once

#include "client/activity/activity.hpp"

namespace client {

class Idle : public Activity {
 public:
  Idle(Table& table, Nanoseconds until, bool half_closed)
      : Activity(Phase::idle), table_(table), until_(until), half_closed_(half_closed) {}

  std::optional<Nanoseconds> step() override {
    if (table_.standing() == 0 || table_.at() >= until_) return std::nullopt;
    return until_;
  }
  /// A connection must stay open meanwhile, unless this end has closed its half.
  [[nodiscard]] bool may_end(const Connection& connection) const override {
    return connection.complete && half_closed_;
  }

 private:
  Table& table_;
  Nanoseconds until_;
  bool half_closed_;
};

}  // namespace client
