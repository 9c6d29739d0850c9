// Opens the connections of a loop; over when each connect has succeeded or failed.
#pragma once

#include <atomic>

#include "client/activity/activity.hpp"
#include "client/schedule/ramp.hpp"

namespace client {

/// Sockets opened between two reads of the events. A connect takes ~20 us, and its measured time
/// ends when its event is read: a large batch would add its own duration.
inline constexpr std::uint64_t connect_batch = 4;

class Connecting : public Activity {
 public:
  /// Numbers of the connections: `first`, `first + stride`, ... `connects`: when to begin each;
  /// nullopt: as fast as the server answers. `enough`: once it is set by another thread, the rest
  /// is not attempted; nullptr: never.
  Connecting(Table& table, std::uint32_t first, std::uint32_t stride,
             const std::optional<Pace>& connects, const std::atomic<bool>* enough = nullptr);

  std::optional<Nanoseconds> step() override;
  void on_established(std::uint32_t index) override;
  void on_connect_failed(std::uint32_t index, Outcome outcome) override;
  void finish() override;

 private:
  Table& table_;
  std::uint32_t first_, stride_;
  std::optional<Pace> connects_;
  const std::atomic<bool>* enough_;
  Ramp ramp_;
  Nanoseconds start_;
};

/// A Ramp of `total` connects that counts the entries of `table` already opened.
Ramp ramp_after(Table& table, std::uint64_t total);

}  // namespace client
