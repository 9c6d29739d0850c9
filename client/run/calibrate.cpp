#include "client/run/calibrate.hpp"

#include "client/result/rate.hpp"
#include "client/run/load.hpp"
#include "client/run/reference_server.hpp"
#include "limits/rlimit.hpp"

namespace client {
namespace {

constexpr std::chrono::seconds measured{1};
constexpr std::chrono::milliseconds warm_up{200};

std::optional<std::uint64_t> lateness(const Result& result, double percent) {
  const auto value = result.tally.lateness.percentile(percent);
  return value ? std::optional(value->ns) : std::nullopt;
}

Calibrated line_of(const char* what, const Result& result) {
  const bool churn = result.options.mode == Mode::churn;
  Calibrated line;
  line.what = what;
  line.connections = result.options.connections;
  line.per_second = per_second(churn ? result.tally.connections_within : result.tally.echoes_within,
                               result.phases.measured);
  line.client_ns = result.costs.client_per_echo;
  line.server_ns = result.costs.server_per_echo;
  line.lateness_p50 = lateness(result, 50);
  line.lateness_p99 = lateness(result, 99);
  line.resident = result.moments.end.client.rss;
  return line;
}

}  // namespace

Result calibrate(const Options& options, const echo::Stop& stop, Nanoseconds begun) {
  // Both ends run here under the same limit, and each needs a few more descriptors.
  const std::uint64_t files = limits::raise_open_files(limits::unlimited);
  const ReferenceServer reference;
  Options common = options;
  common.calibrate = false;
  common.target = Target{"127.0.0.1", reference.port(), reference.port()};
  common.server_pid = reference.pid();
  common.warm_up = warm_up;
  common.duration = measured;
  common.messages.reset();
  common.progress = ShowProgress::never;
  common.repeat = 1;
  common.rate = 0;
  std::vector<Calibrated> lines;
  Result last;
  const auto run = [&](const char* what, Mode mode, std::uint64_t connections, double rate) {
    if (last.stop_reason != StopReason::none || connections + 100 > files) return;
    common.mode = mode;
    common.connections = connections;
    common.rate = rate;
    // A given deadline is that of the whole; one that is derived belongs to each run.
    if (options.deadline) common.deadline = begun + bounded(*options.deadline) - now();
    last = run_load(common, stop, now(), nullptr);
    common.start_at.reset();  // only the first run waits for it
    lines.push_back(line_of(what, last));
  };
  for (const std::uint64_t connections : {100U, 1'000U, 10'000U})
    run("closed loop", Mode::stream, connections, 0);
  const double highest = lines.empty() ? 0 : lines.front().per_second;
  if (highest > 2) {
    run("open loop, a tenth of that", Mode::stream, 100, highest / 10);
    run("open loop, half of that", Mode::stream, 100, highest / 2);
  }
  run("churn", Mode::churn, 100, 0);
  last.calibration = std::move(lines);
  return last;
}

}  // namespace client
