#include "client/run/load.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "client/connection/address_check.hpp"
#include "client/connection/receive_sampler.hpp"
#include "client/findings/conclusion.hpp"
#include "client/run/round.hpp"
#include "client/run/watch.hpp"
#include "echo/exit_code.hpp"
#include "limits/preflight.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

/// nullopt: a signal or the deadline came before the name server's answer.
std::optional<std::vector<echo::Endpoint>> allowed_targets(const Options& options,
                                                           const echo::Stop& stop,
                                                           Nanoseconds deadline_at) {
  std::optional<std::vector<echo::Endpoint>> found = [&] {
    try {
      return echo::resolve(options.target.host, options.target.first_port, stop,
                           std::chrono::steady_clock::time_point{deadline_at});
    } catch (const std::runtime_error& error) {
      throw echo::Exit(echo::exit_network, error.what());
    }
  }();
  if (!found) return found;
  for (const echo::Endpoint& endpoint : *found) {
    bool allowed = endpoint.is_loopback();
    try {
      allowed = allowed || lies_in(endpoint, options.allow_remote);
    } catch (const std::invalid_argument& error) {
      throw echo::Exit(echo::exit_usage, std::string("--allow-remote: ") + error.what());
    }
    if (!allowed) {
      throw echo::Exit(echo::exit_safety,
                       endpoint.text() +
                           " is outside loopback: no connect was made; add --allow-remote " +
                           endpoint.host_text() + (endpoint.family() == AF_INET6 ? "/128" : "/32") +
                           " if that machine is yours");
    }
  }
  return found;
}

/// A seed for the place in 127/8 where this run's sources begin. It differs from run to run,
/// because the ports of the last run are in TIME_WAIT.
std::uint64_t fresh_seed() {
  const auto ticks = static_cast<std::uint64_t>(now().count()) / 1000;
  return (ticks + static_cast<std::uint64_t>(::getpid())) * 0x9e3779b97f4a7c15ULL >> 24U;
}

limits::Demand demand_of(const Options& options) {
  limits::Demand demand{options.connections, limits::client_traits()};
  const std::uint64_t threads = std::min(options.threads, options.connections);
  demand.traits.fixed_descriptors += threads + (options.measures_receive_lateness() ? 1 : 0);
  if (options.frames) demand.traits.fixed_descriptors += 3;  // two events, and stdout anew
  // The threads that wait for signals, and for commands, are more; the leader's is there already.
  demand.traits.fixed_threads = threads + (options.frames ? 2 : 1);
  demand.traits.least_tables = options.tables.value_or(1);
  demand.traits.most_tables = options.tables.value_or(limits::most_descriptor_tables);
  return demand;
}

/// The tables in use: one, or one of each loop.
std::uint64_t tables_for(const Options& options, std::uint64_t open_files) {
  const std::uint64_t needed = demand_of(options).divided(open_files).tables;
  return needed > 1 ? std::max(needed, options.threads) : 1;
}

void refuse_what_cannot_work(const limits::Demand& demand, const limits::Kernel& kernel) {
  const auto verdicts = limits::preflight({demand}, limits::read_ceilings(kernel), 0);
  if (const limits::Verdict* refusal = limits::first_refusal(verdicts)) {
    throw echo::Exit(echo::exit_refused, limits::refusal_line(*refusal));
  }
}

/// The number of local ports that a run needs: one per open connection, and in churn one for each
/// connection of a minute, because TIME_WAIT keeps a port that long. An HTTP server may close each
/// connection of a stream after a response.
std::uint64_t ports_wanted(const Options& options) {
  const bool may_reconnect =
      options.mode == Mode::stream && options.protocol() == ProtocolName::http;
  if (options.mode != Mode::churn && !may_reconnect) return options.connections;
  constexpr double most_per_second = 50'000;
  constexpr double time_wait_seconds = 60;
  const std::chrono::duration<double> time = options.traffic_time() + bounded(options.warm_up);
  const double rate =
      options.connect_rate > 0 ? std::min(options.connect_rate, most_per_second) : most_per_second;
  return options.connections +
         static_cast<std::uint64_t>(std::min(time.count(), time_wait_seconds) * rate);
}

std::vector<Connector> connectors_to(const std::vector<echo::Endpoint>& addresses,
                                     const Options& options, const limits::Kernel& kernel,
                                     std::uint64_t seed) {
  std::vector<Connector> connectors;
  for (const echo::Endpoint& address : addresses) {
    std::vector<echo::Endpoint> targets;
    for (unsigned port = options.target.first_port; port <= options.target.last_port; ++port) {
      targets.push_back(address);
      targets.back().set_port(static_cast<std::uint16_t>(port));
    }
    const Sources sources = options.sources.empty()
                                ? Sources::enough(address, ports_wanted(options), targets.size(),
                                                  kernel.port_range(), seed)
                                : Sources{options.sources};
    connectors.emplace_back(std::move(targets), sources, options.sockets);
  }
  return connectors;
}

/// Sleeps until --start-at. Returns false if a signal came first.
bool wait_for_the_start(const Options& options, const echo::Stop& stop) {
  if (!options.start_at) return true;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        *options.start_at - std::chrono::system_clock::now());
    if (left.count() <= 0) return true;
    pollfd entry{stop.drain_fd(), POLLIN, 0};
    const auto slice = std::min<std::int64_t>(left.count(), 60'000);
    const int ready = ::poll(&entry, 1, static_cast<int>(slice));
    if (ready > 0 || stop.draining()) return false;
    if (ready < 0) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

/// Waits for the other ranks and for the common start. Returns false if the run ends before.
bool start_with_the_others(Rendezvous& rendezvous, const echo::Stop& stop, Result& result) {
  const std::optional<Nanoseconds> due = rendezvous.start(stop, result.deadline_at);
  if (!due || !sleep_until(*due, stop)) return false;
  result.rank = rendezvous.rank();
  result.rank->start = CommonMoment{*due, now()};
  return true;
}

/// Counts every connection under `reason`: none was begun. In churn none was requested either.
void end_before_the_start(Result& result, StopReason reason) {
  result.stop_reason = reason;
  result.requested = result.options.mode == Mode::churn ? 0 : result.options.connections;
  const Outcome outcome = reason == StopReason::deadline ? Outcome::deadline : Outcome::interrupted;
  result.tally.end({outcome, Phase::connect, 0}, result.requested);
}

/// What is known of the ranks at the end. `rendezvous` nullptr: nothing of the others, if this
/// client has a share all the same.
void complete_rank(Result& result, const Rendezvous* rendezvous) {
  const Share share = result.options.share;
  if (rendezvous == nullptr) {
    if (!share.is_whole()) result.rank = Rank{share, host_name(), {}, {}, {}, {}, {}};
    return;
  }
  const std::optional<CommonMoment> start = result.rank ? result.rank->start : std::nullopt;
  result.rank = rendezvous->rank();
  result.rank->start = start;
  result.rank->traffic = result.traffic_begins;
}

/// Adds a round: counts are summed; samples and the found rate are those of the last round.
void add(Result& all, Result round) {
  all.rounds.insert(all.rounds.end(), round.rounds.begin(), round.rounds.end());
  all.found = std::move(round.found);
  all.target = round.target;
  all.sources = round.sources;
  all.server_name = std::move(round.server_name);
  all.server_is_known = round.server_is_known;
  all.other_listener = std::move(round.other_listener);
  all.tally += round.tally;
  all.away += round.away;
  all.requested += round.requested;
  all.max_concurrent = std::max(all.max_concurrent, round.max_concurrent);
  all.open_at_end += round.open_at_end;
  all.stop_reason = round.stop_reason;
  all.phases += round.phases;
  all.moments = std::move(round.moments);
  all.samples = std::move(round.samples);
  all.traffic_begins = round.traffic_begins;
  all.echoes_between = round.echoes_between;
  if (round.short_of_memory_at) all.short_of_memory_at = round.short_of_memory_at;
}

/// As run_load(), without the conclusion.
Result measure(const Options& given, const echo::Stop& stop, Nanoseconds begun,
               echo::LineOutput* series, Rendezvous* rendezvous) {
  Options options = given;
  options.tables = tables_for(options, limits::raise_open_files(limits::unlimited));
  Result result;
  result.options = options;
  result.options.seed = options.seed.value_or(fresh_seed());
  result.deadline_at = begun + options.effective_deadline();
  const auto found = allowed_targets(options, stop, result.deadline_at);
  if (!found) {
    end_before_the_start(result, stop.draining() ? StopReason::interrupted : StopReason::deadline);
    return result;
  }
  const std::vector<echo::Endpoint> addresses =
      usable_targets(targets_of_sources(*found, options.sources));
  const limits::Kernel kernel;
  const std::uint64_t seed = *result.options.seed;
  std::vector<Connector> connectors = connectors_to(addresses, options, kernel, fresh_seed());
  limits::Demand demand = demand_of(options);
  demand.takes_ports = true;
  // Each pair of a source and a target port has its own range.
  demand.sources = connectors.back().sources().count() * connectors.back().targets().size();
  refuse_what_cannot_work(demand, kernel);

  limits::reserve_descriptor_table(options.connections / *options.tables + 64 + options.threads);
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // ns: the default of 50 us would add to each lateness
  const Heartbeat heartbeat;
  const PacketTimestamps timestamps{options.measures_receive_lateness()};
  Watch watch{options, series, rendezvous};
  if (wait_for_the_start(options, stop) &&
      (rendezvous == nullptr || start_with_the_others(*rendezvous, stop, result))) {
    if (options.start_at || rendezvous != nullptr)
      result.deadline_at = now() + options.effective_deadline();
    RunContext context{options, std::move(connectors), stop,      watch,
                       seed,    result.deadline_at,    heartbeat, rendezvous};
    for (std::uint64_t number = 0;
         number < options.repeat && result.stop_reason == StopReason::none; ++number) {
      // Other sources in each round: the ports of the last one are in TIME_WAIT.
      if (number > 0) context.candidates = connectors_to(addresses, options, kernel, fresh_seed());
      add(result, run_round(context, number));
    }
  } else {
    result.target = addresses.front();
    end_before_the_start(result, stop.draining() ? StopReason::interrupted : StopReason::deadline);
  }
  watch.clear();
  result.lost_status_lines = watch.lost_status_lines();
  return result;
}

}  // namespace

void check_limits(const Options& options) {
  refuse_what_cannot_work(demand_of(options), limits::Kernel{});
}

Result run_load(const Options& options, const echo::Stop& stop, Nanoseconds begun,
                echo::LineOutput* series, Rendezvous* rendezvous) {
  check(options);
  Result result = measure(options, stop, begun, series, rendezvous);
  complete_rank(result, rendezvous);
  conclude(result);
  return result;
}

}  // namespace client
