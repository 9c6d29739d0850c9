// What a run shows while it works: one live line on a terminal; elsewhere a plain line every 10 s,
// or every second where it was asked for. On stderr only.
#pragma once

#include <chrono>
#include <cstdint>

#include "client/loop.hpp"
#include "client/options.hpp"

namespace client {

class ProgressLine {
 public:
  ProgressLine(ShowProgress when, std::uint64_t connections);
  /// How often show() should be called.
  [[nodiscard]] std::chrono::nanoseconds interval() const { return interval_; }
  void show(const Progress& progress);
  /// Wipes the live line, so that the report starts on a clean one.
  void clear();

 private:
  bool shown_ = false;
  bool on_;
  bool live_;
  std::chrono::milliseconds interval_;
  std::uint64_t connections_;
  std::uint64_t last_echoes_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace client
