// What a client that was one of several tells about itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/options/share.hpp"
#include "client/schedule/plan.hpp"

namespace client {

/// How far this machine's clock is ahead of the reference clock: the one of rank 0, or of the
/// program that started the clients. Both are CLOCK_MONOTONIC, whose origin differs from machine
/// to machine.
struct ClockOffset {
  Nanoseconds offset{};
  Nanoseconds bound{};  ///< the error is at most this: half of the shortest round trip
  Nanoseconds at{};     ///< when it was measured, on this machine's clock
};

/// A moment that all ranks agreed on, and what this rank made of it. On its own clock.
struct CommonMoment {
  Nanoseconds due{};
  Nanoseconds begun{};  ///< not before `due`
};

struct Rank {
  Share share;
  std::string host;
  std::optional<ClockOffset> clock_before, clock_after;  ///< nullopt: not measured
  std::optional<CommonMoment> start;                     ///< of the whole run: its first connect
  std::optional<CommonMoment> traffic;  ///< of its last round, when all connections stood
  std::string warning;                  ///< about the other ranks; empty: none
};

}  // namespace client
