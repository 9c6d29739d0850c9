// Short-lived connections: connect, some echoes, close, then a new connect in the same entry.
//
// Over loopback a connection is established when connect(2) returns EINPROGRESS, because the
// handshake runs inside the call. So the first message is sent immediately (Table::open_and_send),
// and most connections need no wait for the connect.
#pragma once

#include <vector>

#include "client/activity/traffic.hpp"
#include "client/schedule/ramp.hpp"

namespace client {

class Churn : public TrafficActivity {
 public:
  /// Numbers of the connections: `first`, `first + stride`, ... `connects`: when to begin each;
  /// nullopt: as fast as the server answers.
  Churn(Table& table, const Traffic& traffic, std::uint32_t first, std::uint32_t stride,
        const std::optional<Pace>& connects);

  std::optional<Nanoseconds> step() override;
  void on_established(std::uint32_t index) override;
  void on_connect_failed(std::uint32_t index, Outcome outcome) override;
  void on_echoes(std::uint32_t index) override;
  void on_end(std::uint32_t index) override;

 private:
  void open_next();

  std::uint32_t next_number_, stride_;
  std::optional<Pace> connects_;
  Ramp ramp_;
  std::vector<std::uint32_t> vacant_;  ///< unused entries
  Nanoseconds retry_at_{};             ///< no new connect before this time
  bool started_ = false;
};

}  // namespace client
