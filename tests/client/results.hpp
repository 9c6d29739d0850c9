// Results made by hand, for the tests of reports. Memory and CPU are unknown in them.
#pragma once

#include "client/findings/conclusion.hpp"
#include "client/result/result.hpp"

namespace client::fixtures {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline void record(echo::Histogram& histogram, int count, Nanoseconds value) {
  for (int i = 0; i < count; ++i) histogram.record(value);
}

/// What every run has: a server, and `count` connections, each established after 1 ms.
inline Result established(std::uint64_t count) {
  Result result;
  result.options.connections = result.requested = result.max_concurrent = count;
  result.target = echo::resolve("127.0.0.1", 1234).front();
  result.server_name = "4711 (echo_threads)";
  result.phases.ramp = milliseconds{20};
  result.phases.whole = milliseconds{100};
  result.tally.established = result.tally.total = count;
  record(result.tally.connect, static_cast<int>(count), milliseconds{1});
  return result;
}

/// `count` echoes of `bytes`, each after `latency`, within `time`.
inline void echo_all(Result& result, int count, std::uint64_t bytes, Nanoseconds latency,
                     Nanoseconds time) {
  const auto echoes = static_cast<std::uint64_t>(count);
  Tally& tally = result.tally;
  tally.measured.sent += echoes;
  tally.measured.verified += echoes;
  tally.measured.bytes_verified += echoes * bytes;
  tally.echoes_within += echoes;
  tally.bytes_within += echoes * bytes;
  record(tally.measured.latency, count, latency);
  result.phases.measured = time;
}

/// hold: 200 connections, one echo of 2 ms on each.
inline Result held() {
  Result result = established(200);
  echo_all(result, 200, 64, milliseconds{2}, milliseconds{40});
  for (int i = 0; i < 200; ++i) result.tally.end({Outcome::served, Phase::drain, 0});
  return result;
}

/// stream, open loop: 4,000 messages with an echo and 7 without; 5 were sent late, 3 never.
inline Result streamed() {
  Result result = established(4);
  Options& options = result.options;
  options.mode = Mode::stream;
  options.rate = 2'000;
  options.poisson = true;
  options.depth = 16;
  options.threads = 2;
  options.sizes = MessageSizes::parse("64-4096");
  result.phases.warm_up = seconds{1};
  Tally& tally = result.tally;
  tally.warm_up.emplace().verified = 1'999;
  echo_all(result, 3'950, 2'000, microseconds{50}, seconds{2});
  echo_all(result, 50, 2'000, milliseconds{4}, seconds{2});
  tally.measured.sent += 7;
  tally.measured.late = 5;
  tally.measured.unsent = 3;
  for (int i = 0; i < 7; ++i) tally.measured.latency.record_censored(seconds{10});
  for (int i = 0; i < 3; ++i) tally.measured.latency.record_censored(milliseconds{1});
  record(tally.wire, 4'000, microseconds{45});
  record(tally.lateness, 4'000, microseconds{3});
  record(tally.receive_lateness, 60, microseconds{20});
  tally.retransmissions = {2, 4};
  for (int i = 0; i < 4; ++i) tally.end({Outcome::served, Phase::drain, 0});
  return result;
}

/// churn: 20,000 connections of two echoes each, at most 8 at once.
inline Result churned() {
  Result result = established(20'000);
  result.options.mode = Mode::churn;
  result.options.connections = 8;
  result.options.messages = 2;
  result.max_concurrent = 8;
  result.phases.ramp = {};
  result.tally.connections_within = 20'000;
  echo_all(result, 40'000, 64, microseconds{100}, seconds{1});
  for (int i = 0; i < 20'000; ++i) result.tally.end({Outcome::served, Phase::drain, 0});
  return result;
}

/// The same with everything that follows from it, as the program passes it to its reports.
inline Result concluded(Result result) {
  conclude(result);
  result.exit_code = exit_code_of(result);
  return result;
}

}  // namespace client::fixtures
