// What may mislead in a measurement, said in sentences: is it the server that was measured, or the
// client, the clock, the neighbours?
//
// Pure: from the costs of a run to text. A figure that is not known warns of nothing. Each
// threshold is named below with its reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/measure/costs.hpp"
#include "echo/histogram.hpp"
#include "limits/cpu.hpp"

namespace client {

/// Who decides when the next message goes: see docs and the report's `loop`.
enum class LoopKind : std::uint8_t { burst, closed, open };

/// What is judged. The references must live as long as the judgement.
struct Measured {
  const Costs& costs;
  std::chrono::nanoseconds window{};  ///< from the opening sample to the closing one
  LoopKind loop = LoopKind::burst;
  const echo::Histogram& echo;         ///< echo times
  const echo::Histogram& lateness;     ///< how late the client sent; empty but in an open loop
  std::optional<limits::Load> load{};  ///< before the run
  std::uint64_t processors = 0;        ///< online; 0 when not known
};

/// At 95 % a queue before the thread is ten times as long as at 65 %, and its wait is in each echo;
/// the last 5 % go to ticks and to what else runs beside it.
constexpr double busy_thread = 0.95;
/// In an open loop a thread may be busy and punctual: it is the bottleneck
/// where half of what it sends is late by more than a timer is.
constexpr std::chrono::microseconds behind{100};
/// Two threads that hand one token to and fro use one processor between them. Wake-ups that neither
/// is billed for, and those billed to both, make it a tenth less or more.
constexpr double lockstep_at_least = 0.9, lockstep_at_most = 1.1;
/// One thread does all the work of its side: the rest is a signal watcher, or progress.
constexpr double one_thread_does_all = 0.9;
/// Below it a window holds fewer than ten ticks of /proc/stat a processor, and the clocks of
/// running threads are a tick old: shares of it say nothing.
constexpr std::chrono::milliseconds short_window{100};
/// A hypervisor that takes 1 % takes it in slices of milliseconds, which are the p99.
constexpr double much_steal = 0.01;
/// On two processors, a fifth of one: more than interrupts and the kernel's own threads use.
constexpr double much_by_others = 0.10;
/// Wake-ups of an idle machine are late by some 50 us; a p99 of 1 ms is in the p99 of every echo.
constexpr std::chrono::milliseconds late{1};

/// One sentence for each, the gravest first; none for a clean run.
std::vector<std::string> warnings_about(const Measured& run);

}  // namespace client
