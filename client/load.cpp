#include "client/load.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <memory>

#include "client/progress.hpp"
#include "echo/exit_code.hpp"
#include "limits/preflight.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

constexpr std::chrono::milliseconds patience_for_a_server_just_started{500};
constexpr std::chrono::seconds drain_after_signal{2};

std::vector<echo::Endpoint> allowed_targets(const Options& options) {
  const std::vector<echo::Endpoint> found = [&options] {
    try {
      return echo::resolve(options.target.host, options.target.port);
    } catch (const std::runtime_error& error) {
      throw echo::Exit(echo::exit_network, error.what());
    }
  }();
  for (const echo::Endpoint& endpoint : found) {
    bool allowed = endpoint.is_loopback();
    try {
      allowed = allowed || lies_in(endpoint, options.allow_remote);
    } catch (const std::invalid_argument& error) {
      throw echo::Exit(echo::exit_usage, std::string("--allow-remote: ") + error.what());
    }
    if (!allowed) {
      throw echo::Exit(echo::exit_safety,
                       endpoint.text() +
                           " is outside loopback: no connect was made; --allow-remote " +
                           endpoint.host_text() + (endpoint.family() == AF_INET6 ? "/128" : "/32") +
                           " if that machine is yours");
    }
  }
  return found;
}

/// Where in 127/8 this run's sources begin: a new place each time, clear of the last run's
/// TIME_WAIT.
std::uint64_t fresh_seed() {
  const auto ticks = static_cast<std::uint64_t>(now().count()) / 1000;
  return (ticks + static_cast<std::uint64_t>(::getpid())) * 0x9e3779b97f4a7c15ULL >> 24U;
}

void refuse_what_cannot_work(const Options& options, const Sources& sources,
                             const limits::Kernel& kernel) {
  limits::Demand demand{options.connections, limits::client_traits()};
  demand.takes_ports = true;
  demand.sources = sources.count();
  const auto verdicts = limits::preflight({demand}, limits::read_ceilings(kernel), 0);
  if (const limits::Verdict* refusal = limits::first_refusal(verdicts)) {
    throw echo::Exit(echo::exit_refused, limits::refusal_line(*refusal));
  }
}

Plan plan_of(const Options& options, Nanoseconds begun) {
  Plan plan;
  plan.connections = options.connections;
  plan.messages = options.messages;
  plan.pace = options.rate > 0 ? Pace::at_rate(options.rate) : Pace::burst();
  plan.connect_timeout = bounded(options.connect_timeout);
  plan.timeout = bounded(options.timeout);
  plan.idle = bounded(options.idle);
  plan.deadline_at = begun + options.effective_deadline();
  return plan;
}

}  // namespace

Result run_load(const Options& options) {
  Result result;
  result.options = options;
  const std::vector<echo::Endpoint> targets = allowed_targets(options);
  limits::raise_open_files(limits::unlimited);
  const limits::Kernel kernel;
  const std::uint64_t seed = fresh_seed();
  std::vector<Connector> connectors;
  for (const echo::Endpoint& target : targets) {
    connectors.emplace_back(target,
                            Sources{target, options.connections, kernel.port_range(), seed});
  }
  refuse_what_cannot_work(options, connectors.back().sources(), kernel);

  limits::reserve_descriptor_table(options.connections + 64);
  echo::Stop stop;
  echo::SignalWatch signals{stop, drain_after_signal};
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // ns: the default of 50 us would show in every lateness
  const Nanoseconds begun = now();
  const Plan plan = plan_of(options, begun);

  FirstConnection first = open_first(connectors, patience_for_a_server_just_started, stop);
  const Connector& connector = connectors[first.address];
  result.target = connector.target();
  result.sources = connector.sources().count();
  const Observer observer{connector, options.server_pid};
  result.server_name = observer.server_name();
  const std::uint64_t stand_already = first.attempt.error == 0 ? 1 : 0;
  result.moments.before = observer.sample(stand_already, limits::Detail::quick);

  ProgressLine line{options.quiet ? ShowProgress::never : options.progress, options.connections};
  const echo::Payload payload = options.data.empty() ? echo::Payload::unique(options.size, seed)
                                                     : echo::Payload::text(options.data);
  {
    Loop loop{plan,
              connector,
              payload,
              stop,
              result.tally,
              {.server_is_gone = [&observer] { return observer.server_is_gone(); },
               .progress = [&line](const Progress& progress) { line.show(progress); },
               .progress_every = line.interval()}};
    const Nanoseconds ramp_begun = now();
    loop.adopt(std::move(first));
    loop.ramp();
    result.ramp = now() - ramp_begun;
    result.moments.standing = observer.sample(result.tally.open, limits::Detail::quick);
    result.moments.begin = result.moments.standing;
    const Nanoseconds echo_begun = now();
    loop.echo();
    result.echo = now() - echo_begun;
    result.moments.end = observer.sample(result.tally.open, limits::Detail::full);
    result.echoes_within = result.tally.verified;
    loop.idle();
    const Nanoseconds drain_begun = now();
    loop.drain();
    result.drain = now() - drain_begun;
    result.cut = loop.cut();
  }
  result.moments.after = observer.sample(0, limits::Detail::quick);
  result.whole = now() - begun;
  line.clear();
  signals.finish();
  result.signal = signals.signal();
  return result;
}

int exit_code_of(const Result& result) {
  const Tally& tally = result.tally;
  if (result.cut == Cut::interrupted) return echo::exit_signal + result.signal;
  if (result.cut == Cut::deadline) return echo::exit_deadline;
  const std::uint64_t no_server = tally.count(Outcome::refused) +
                                  tally.count(Outcome::connect_timeout) +
                                  tally.count(Outcome::unreachable);
  if (tally.established == 0 && no_server > 0) return echo::exit_network;
  return tally.failed() > 0 ? echo::exit_fail : echo::exit_pass;
}

std::vector<std::string> warnings_of(const Result& result) {
  const Tally& tally = result.tally;
  std::vector<std::string> warnings;
  const auto grew = [](const auto& before, const auto& after) {
    return before && after && *after > *before ? *after - *before : 0;
  };
  const auto& first = result.moments.before.tcp;
  const auto& last = result.moments.after.tcp;
  if (const auto drops = grew(first.listen_drops, last.listen_drops); drops > 0) {
    warnings.push_back(
        fmt::format("the accept queue overflowed: ListenDrops +{}; raise the server's backlog "
                    "(and net.core.somaxconn)",
                    limits::format_count(drops)));
  }
  if (tally.slow_connects > 0) {
    warnings.push_back(
        fmt::format("{} connects took 0.5 s or longer: their SYN was dropped and sent again",
                    limits::format_count(tally.slow_connects)));
  }
  if (tally.late_resets > 0) {
    warnings.push_back(fmt::format(
        "late_reset: {} connections were reset after their last echo; they count as served",
        limits::format_count(tally.late_resets)));
  }
  if (tally.count(Outcome::local_limit) > 0) {
    warnings.push_back(fmt::format(
        "local_limit: this machine ran out (see errno); `limits -n {}` names what, and the command",
        result.options.connections));
  }
  if (result.options.server_pid == std::nullopt && result.server_name == "-" &&
      tally.established > 0) {
    warnings.emplace_back(
        "the server's process was not found by its listener (another user's, or another host): "
        "--server-pid tells it");
  }
  if (tally.lateness.count() > 0) {
    if (const auto p99 = tally.lateness.percentile(99); p99 && p99->ns > 1'000'000) {
      warnings.push_back("the client itself sent late, p99 " +
                         limits::format_duration(Nanoseconds(p99->ns)) +
                         ": the rate is too high for it, or the machine is busy");
    }
  }
  return warnings;
}

}  // namespace client
