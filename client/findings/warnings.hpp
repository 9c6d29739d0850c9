// Warnings: what may make a measurement misleading. Was it the server that was measured, or the
// client, the clock or other programs?
//
// Pure: from the costs of a run to text. An unknown figure causes no warning. Each threshold is
// named below with its reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/measure/heartbeat.hpp"
#include "client/options/options.hpp"
#include "client/options/words.hpp"
#include "client/result/costs.hpp"
#include "echo/histogram.hpp"
#include "limits/cpu.hpp"

namespace client {

/// The figures that warnings are about. The references must outlive the call.
struct Measured {
  const Costs& costs;
  std::chrono::nanoseconds window{};  ///< from the opening sample to the closing one
  LoopKind loop = LoopKind::burst;
  const echo::Histogram& echo;              ///< echo times
  const echo::Histogram& lateness;          ///< how late the client sent; empty unless an open loop
  const echo::Histogram& receive_lateness;  ///< how late it read; empty unless measured
  std::optional<limits::Load> load{};       ///< before the run
  std::uint64_t processors = 0;             ///< online; 0 if unknown
  Absences away{};                          ///< of the client within `measured`
  std::chrono::nanoseconds measured{};      ///< length of the measured phases
  Words words{};                            ///< for echoes
};

/// At 95 % the queue before the thread is ten times as long as at 65 %, and each echo includes that
/// wait. The last 5 % go to ticks and to whatever else runs on the processor.
constexpr double busy_thread = 0.95;
/// In an open loop a thread may be busy and on time. It is the bottleneck if half of its messages
/// are later than a timer alone makes them.
constexpr std::chrono::microseconds behind{100};
/// Two threads that pass one message to and fro use one processor together. Wake-ups billed to
/// neither or to both make it a tenth less or more.
constexpr double lockstep_at_least = 0.9, lockstep_at_most = 1.1;
/// One thread does all the work of its side: the others watch for signals or show progress.
constexpr double one_thread_does_all = 0.9;
/// A shorter window holds fewer than ten ticks of /proc/stat per processor, and the clocks of
/// running threads are a tick old: shares of it mean nothing.
constexpr std::chrono::milliseconds short_window{100};
/// A hypervisor that takes 1 % takes it in slices of milliseconds, which then are the p99.
constexpr double much_steal = 0.01;
/// On two processors, a fifth of one: more than interrupts and the kernel's own threads use.
constexpr double much_by_others = 0.10;
/// Wake-ups of an idle machine are late by some 50 us. A p99 of 1 ms adds to the p99 of the echoes.
constexpr std::chrono::milliseconds late{1};
/// A fifth of the p99 of the echoes: as much as two runs of one load differ. Less than `late` is
/// the wake-up of an idle machine.
constexpr double much_of_the_echo = 0.2;
/// An absence of 1 % of the window is in the p99 of every connection.
constexpr double much_away = 0.01;

/// One line per warning, the most serious first; none for a clean run.
std::vector<std::string> warnings_about(const Measured& run);

}  // namespace client
