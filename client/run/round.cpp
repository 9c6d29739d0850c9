#include "client/run/round.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "client/measure/quiesce.hpp"
#include "echo/splitmix64.hpp"

namespace client {
namespace {

constexpr std::chrono::milliseconds patience_for_a_server_just_started{500};
/// From the start of the traffic until the first message is due, so that all threads are running.
constexpr std::chrono::microseconds head_start{200};
/// How far from an edge of the measured phase the leader reads what the loops do not read: near
/// enough for counters with the resolution of a tick, and clear of the loop that crosses the edge.
constexpr std::chrono::milliseconds beside_the_edge{2};
/// The clocks of this many processes are read within 0.2 ms.
constexpr std::size_t few_processes = 4;

/// Whether an open loop may leave a connection without a message. If so, each echoes once during
/// the ramp; otherwise nothing would be verified on it.
bool needs_first_echoes(const Options& options) {
  if (options.find_rate) return true;
  if (options.mode != Mode::stream || options.rate <= 0 || !options.timed()) return false;
  const std::chrono::duration<double> time = options.traffic_time() + bounded(options.warm_up);
  const double due = options.rate * time.count();
  const auto threads = static_cast<double>(options.threads);
  // A Poisson process falls six standard deviations short once in a billion; each loop has its own.
  const double spread = options.poisson ? 6 * std::sqrt(due * threads) : threads;
  return due - spread < static_cast<double>(options.connections);
}

/// The CPU clocks at the edges of the measured phase, read by the loop that crosses them. The
/// leader may have to wait for a processor that these loops keep busy. CPU time spent meanwhile
/// would have no echoes to divide it by: a millisecond is 0.3 % of a window of 0.3 s.
class ClocksAtEdges {
 public:
  explicit ClocksAtEdges(const Observer& observer) : observer_(observer) {}

  [[nodiscard]] std::function<void(Edge)> reader() {
    const std::vector<pid_t>& family = observer_.family();
    if (family.size() > few_processes) return {};
    // A copy: the leader may sample while a loop that is late still reads.
    return [this, family](Edge edge) {
      (edge == Edge::opens ? opens_ : closes_) = observer_.clocks(family);
    };
  }
  /// Replaces the leader's readings where a loop crossed an edge. Only between tasks of the group.
  void complete(Moments& moments) const {
    if (opens_) static_cast<Clocks&>(moments.begin) = *opens_;
    if (!closes_) return;
    static_cast<Clocks&>(moments.end) = *closes_;
    if (moments.end.server_cpu) *moments.end.server_cpu += moments.end.newborn_cpu;
  }

 private:
  const Observer& observer_;
  std::optional<Clocks> opens_, closes_;
};

/// Runs the traffic and samples both ends at the edges of its measured phase.
void run_traffic(const RunContext& context, const Observer& observer,
                 const Concurrency& concurrency, LoopGroup& group, std::uint64_t seed,
                 Result& result) {
  const Options& options = context.options;
  const bool warms_up = options.warm_up.count() > 0;
  Moments& moments = result.moments;
  moments.begin = observer.sample(concurrency.open(), limits::Detail::quick, Edge::opens);
  Traffic traffic;
  traffic.start = now() + head_start;
  traffic.measure_from = traffic.start + bounded(options.warm_up);
  if (options.timed()) traffic.stop_at = traffic.measure_from + options.traffic_time();
  traffic.messages = static_cast<std::uint32_t>(options.messages_each());
  std::vector<std::optional<Pace>> paces(group.size());
  if (options.rate > 0) {
    for (unsigned i = 0; i < group.size(); ++i)
      paces[i] = pace_of(group, i, options.rate, options.poisson, seed);
  }
  const bool churn = options.mode == Mode::churn;
  ClocksAtEdges clocks{observer};
  const std::function<void(Edge)> at_edge = clocks.reader();
  const Nanoseconds beside = at_edge ? beside_the_edge : Nanoseconds{0};
  group.start([&traffic, &paces, churn, &at_edge](Loop& loop, unsigned number) {
    Traffic mine = traffic;
    mine.pace = paces[number];
    if (number == 0) mine.at_edge = at_edge;
    churn ? loop.churn(mine) : loop.exchange(mine);
  });
  bool finished = false;
  if (warms_up) {
    finished = context.watch.wait_for(group, traffic.measure_from - beside);
    observer.read_clocks_again(moments.begin);
  }
  // In churn hardly any connection is still open a moment later.
  if (!finished) context.watch.wait_for(group, traffic.stop_at + (churn ? Nanoseconds{0} : beside));
  Nanoseconds end = std::min(now(), traffic.stop_at);
  moments.end = observer.sample(concurrency.open(), limits::Detail::full, Edge::closes);
  context.watch.wait_for(group);
  group.wait();
  clocks.complete(moments);
  end = std::min(end, group.stopped_at());  // what came after it is not measured
  result.phases.warm_up += std::min(end, traffic.measure_from) - traffic.start;
  result.phases.measured += std::max(end - traffic.measure_from, Nanoseconds{0});
}

/// The connections that the server may still hold for this client: those open, and those that
/// failed. A connection that was closed with unsent data stays established at the server.
std::uint64_t own_connections(const Concurrency& concurrency, LoopGroup& group) {
  std::uint64_t own = concurrency.open();
  for (unsigned i = 0; i < group.size(); ++i) own += group.loop(i).tally().failed();
  return own;
}

RoundFigures figures_of(const Result& round, const Quiesced& settled) {
  RoundFigures figures;
  figures.served = round.tally.count(Outcome::served);
  figures.failed = round.tally.failed();
  const auto measured = static_cast<double>(round.phases.measured.count());
  if (measured > 0)
    figures.echoes_per_s = static_cast<double>(round.tally.echoes_within) * 1e9 / measured;
  figures.server_rss = settled.server_resident;
  figures.time_wait = settled.time_wait;
  return figures;
}

}  // namespace

std::vector<Plan> plans_of(const Options& options, Nanoseconds deadline_at, const Watch& watch) {
  const auto connections = static_cast<std::uint32_t>(options.connections);
  const auto threads = static_cast<std::uint32_t>(std::min(options.threads, options.connections));
  std::vector<Plan> plans(threads);
  for (std::uint32_t i = 0; i < threads; ++i) {
    Plan& plan = plans[i];
    plan.connections = connections / threads + (i < connections % threads ? 1 : 0);
    plan.first = i;
    plan.stride = threads;
    plan.depth = static_cast<std::uint32_t>(options.depth);
    plan.churn = options.mode == Mode::churn;
    if (options.connect_rate > 0) {
      const double share = double{1} * plan.connections / connections;
      plan.connects = Pace::evenly(options.connect_rate * share, double{1} * i / threads);
    }
    plan.connect_timeout = bounded(options.connect_timeout);
    plan.timeout = bounded(options.timeout);
    plan.deadline_at = deadline_at;
    plan.half_close = options.half_close;
    plan.linger_reset = options.linger_reset;
    plan.post_every = watch.interval();
    plan.post_from = watch.begun();
    plan.keep_interval = watch.wants_latency();
  }
  return plans;
}

std::optional<Pace> pace_of(LoopGroup& group, unsigned number, double rate, bool poisson,
                            std::uint64_t seed) {
  std::uint64_t standing = 0;
  for (unsigned i = 0; i < group.size(); ++i) standing += group.loop(i).standing();
  const std::uint64_t mine = group.loop(number).standing();
  if (mine == 0) return std::nullopt;
  const double share = rate * static_cast<double>(mine) / static_cast<double>(standing);
  return poisson ? Pace::poisson(share, echo::splitmix64(seed + number + 1))
                 : Pace::evenly(share, double{1} * number / group.size());
}

Result run_round(const RunContext& context, std::uint64_t number) {
  const Options& options = context.options;
  Result result;
  const Nanoseconds begun = now();
  FirstConnection first =
      open_first(context.candidates, patience_for_a_server_just_started, context.stop);
  const bool refused = first.attempt.error != 0;
  const Connector& connector = context.candidates[first.address];
  result.target = connector.target();
  result.sources = connector.sources().count();
  const Observer observer{connector, options.server_pid, [&context] { return context.stopping(); }};
  result.server_name = observer.server_name();
  result.other_listener = observer.other_listener();
  result.moments.before = observer.sample(refused ? 0 : 1, limits::Detail::quick, Edge::opens);
  result.moments.listeners_before = observer.server_sockets().listeners();
  observer.count_other_connections(result.moments, refused ? 0 : 1);

  const std::uint64_t seed = echo::splitmix64(context.seed + number);
  MessageSizes sizes = options.data.empty()
                           ? options.sizes
                           : MessageSizes{static_cast<std::uint32_t>(options.data.size())};
  sizes.set_seed(seed);
  const echo::Payload payload = options.data.empty() ? echo::Payload::unique(sizes.largest(), seed)
                                                     : echo::Payload::text(options.data);
  Concurrency concurrency;
  const LoopContext loops{
      connector,         payload,     sizes,
      context.stop,      concurrency, [&observer] { return observer.server_is_gone(); },
      &context.heartbeat};
  LoopGroup group{plans_of(options, context.deadline_at, context.watch), loops, options.cpus};
  group.loop(0).adopt(std::move(first));
  context.watch.follow(observer);

  Phases& phases = result.phases;
  const bool churn = options.mode == Mode::churn;
  if (!churn) {
    const Nanoseconds ramp_begun = now();
    context.watch.run(group, [](Loop& loop, unsigned) { loop.ramp(); });
    phases.ramp += now() - ramp_begun;
  }
  result.moments.standing = observer.sample(concurrency.open(), limits::Detail::quick, Edge::opens);
  if (!churn) observer.count_other_connections(result.moments, own_connections(concurrency, group));
  if (needs_first_echoes(options)) {
    context.watch.run(group, [](Loop& loop, unsigned) {
      loop.exchange({.start = now(), .messages = 1, .first_echoes = true});
    });
  }
  if (options.find_rate) {
    result.moments.begin = observer.sample(concurrency.open(), limits::Detail::quick, Edge::opens);
    const Nanoseconds search_begun = now();
    result.found = find_rate(group, context.watch, *options.find_rate, options.poisson, seed);
    phases.measured = result.found->measured_time;
    phases.warm_up = now() - search_begun - phases.measured;
    result.moments.end = observer.sample(concurrency.open(), limits::Detail::full, Edge::closes);
  } else if (!(churn && refused)) {
    run_traffic(context, observer, concurrency, group, seed, result);
  }
  if (options.idle_time().count() > 0) {
    const Nanoseconds idle_begun = now();
    context.watch.run(group, [until = idle_begun + options.idle_time()](Loop& loop, unsigned) {
      loop.idle(until);
    });
    phases.idle += now() - idle_begun;
  }
  if (!churn) observer.count_other_connections(result.moments, own_connections(concurrency, group));
  const Nanoseconds drain_begun = now();
  context.watch.run(group, [](Loop& loop, unsigned) { loop.drain(); });
  phases.drain += now() - drain_begun;
  context.watch.finish(group);
  group.finish();

  result.tally = group.tally();
  result.echoes_between = result.tally.echoes_within;
  if (result.found) {  // the samples enclose all its trials
    const auto ramp = result.tally.ramp ? result.tally.ramp->verified : 0;
    result.echoes_between = result.tally.verified() - ramp;
  }
  result.away = context.heartbeat.within(result.moments.begin.at.time_since_epoch(),
                                         result.moments.end.at.time_since_epoch());
  result.requested = churn ? result.tally.total : options.connections;
  result.max_concurrent = concurrency.most();
  result.open_at_end = concurrency.open();
  result.stop_reason = group.stop_reason();
  phases.whole = now() - begun;
  result.moments.after = observer.sample(0, limits::Detail::quick, Edge::closes);
  result.moments.listeners_after = observer.server_sockets().listeners();
  observer.count_other_connections(result.moments, result.tally.failed());
  if (options.repeat > 1 && result.stop_reason == StopReason::none) {
    context.watch.show_message("settling: waiting for TIME_WAIT to drain");
    const std::uint64_t before = result.moments.before.tcp.time_wait.value_or(0);
    const Nanoseconds left = std::max(context.deadline_at - now(), Nanoseconds{0});
    const Nanoseconds at_most = std::min(bounded(options.settle), left);
    const Quiesced settled = quiesce(observer, before, at_most, context.stop);
    result.rounds.push_back(figures_of(result, settled));
    if (now() >= context.deadline_at) result.stop_reason = StopReason::deadline;
    if (context.stop.draining()) result.stop_reason = StopReason::interrupted;
  }
  return result;
}

}  // namespace client
