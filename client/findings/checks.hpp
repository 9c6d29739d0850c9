// The checks of a run, as Lancet has them (Kogias, Mallon, Bugnion, "Lancet: A self-correcting
// Latency Measuring Tool", USENIX ATC 2019,
// https://www.usenix.org/conference/atc19/presentation/kogias-lancet): the rate, the gaps between
// sends, the independence of consecutive latencies, and whether they are stationary.
// docs/decisions/0030-checks-of-a-run.md has what differs and why.
//
// With 10,000 samples a test finds differences that matter to nobody. So each check fails only if
// the difference is significant and large. Pure.
#pragma once

#include <chrono>

#include "client/result/checks.hpp"
#include "client/result/result.hpp"

namespace client {

/// Chance of a false alarm of a check, all loops together.
constexpr double chance_of_a_false_alarm = 0.01;
/// Fewer say too little of a distribution, or of a correlation.
constexpr std::uint64_t fewest_gaps = 200, fewest_pairs = 200;
/// With fewer the test for stationarity takes many stationary series for wandering ones.
constexpr std::uint64_t fewest_intervals = 50;
/// Fewer messages due have no rate to speak of.
constexpr double fewest_due = 20;
/// What a schedule of equal gaps may miss.
constexpr double rate_tolerance = 0.001;
/// A process of Poisson is this many standard deviations off once in 10,000 runs.
constexpr double poisson_deviations = 3.9;
/// Messages due in the last moment of the phase are not sent if the loop wakes up after it.
constexpr std::chrono::milliseconds last_wake_up{1};
/// A gap is as asked up to half of it, or to what the wake-up of an idle machine adds.
constexpr double gap_tolerance = 0.5;
constexpr std::chrono::microseconds wake_up{100};
/// A sample of a gap holds 4.29 s at most: slower loops, in messages/s, have longer ones.
constexpr double slowest_loop = 1;
/// Of equal gaps, the share that may be off.
constexpr double most_gaps_off = 0.1;
/// Of Poisson arrivals, the share of gaps that may be on the wrong side of some length. Messages
/// that are due within a wake-up of 50 us leave together: on an idle machine that alone makes 0.15
/// at 10,000/s per thread.
constexpr double most_distance = 0.2;
/// Latencies that depend on each other by this much are worth a third as many independent ones.
/// Over loopback 0.3 to 0.4 is usual: neighbours share the state of caches and processors.
constexpr double much_dependence = 0.5;
/// On a small virtual machine the fifths of one run differ by 0.1 to 0.4 without a drift.
constexpr double much_drift = 0.5;

/// Computes the checks that apply, from the samples, the counts and the phases of `result`.
Checks checks_of(const Result& result);

}  // namespace client
