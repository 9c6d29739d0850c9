// Sends nothing until a time: the idle phase, and the wait at the end of another phase until it is
// known whether a burst of ended connections was the end of the server.
#pragma once

#include "client/activity/activity.hpp"

namespace client {

class Idle : public Activity {
 public:
  /// Whether it is over as soon as no connection is established.
  enum class WithoutConnections : std::uint8_t { is_over, goes_on };

  /// `phase`: the one that continues. `may_end`: whether a peer may end a complete connection
  /// meanwhile.
  Idle(Table& table, Phase phase, Nanoseconds until, bool may_end, WithoutConnections without)
      : Activity(phase), table_(table), until_(until), may_end_(may_end), without_(without) {}

  std::optional<Nanoseconds> step() override {
    if (table_.at() >= until_) return std::nullopt;
    if (without_ == WithoutConnections::is_over && table_.standing() == 0) return std::nullopt;
    return until_;
  }
  [[nodiscard]] bool may_end(const Connection& connection) const override {
    return connection.complete && may_end_;
  }

 private:
  Table& table_;
  Nanoseconds until_;
  bool may_end_;
  WithoutConnections without_;
};

}  // namespace client
