#include "client/run/round.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <utility>

#include "client/engine/loop_group.hpp"
#include "client/measure/quiesce.hpp"
#include "client/options/http_values.hpp"
#include "client/result/rate.hpp"
#include "client/run/find_rate.hpp"
#include "client/run/measured_traffic.hpp"
#include "client/run/shares.hpp"
#include "echo/splitmix64.hpp"
#include "limits/usage.hpp"

namespace client {
namespace {

constexpr std::chrono::milliseconds patience_for_a_server_just_started{500};

/// Whether an open loop may leave a connection without a message. If so, each echoes once during
/// the ramp; otherwise nothing would be verified on it.
bool needs_first_echoes(const Options& options) {
  if (options.find_rate) return true;
  if (options.mode != Mode::stream || options.rate <= 0 || !options.timed()) return false;
  const std::chrono::duration<double> time = options.traffic_time() + bounded(options.warm_up);
  const double due = options.rate * time.count();
  const auto threads = static_cast<double>(options.loops());
  // A Poisson process falls six standard deviations short once in a billion; each loop has its own.
  const double spread = options.poisson ? 6 * std::sqrt(due * threads) : threads;
  return due - spread < static_cast<double>(options.connections);
}

MessageSizes sizes_of(const Options& options, std::uint64_t seed) {
  MessageSizes sizes = options.data.empty()
                           ? options.sizes
                           : MessageSizes{static_cast<std::uint32_t>(options.data.size())};
  sizes.set_seed(seed);
  return sizes;
}

/// nullopt: the echo.
std::optional<HttpRequest> request_of(const Options& options) {
  if (options.protocol() != ProtocolName::http) return std::nullopt;
  const std::string host = host_header(options.target);
  HttpRequest request = options.has_url()
                            ? HttpRequest::get(options.target.path, host, options.headers)
                            : HttpRequest::echo(host, options.headers);
  request.expected_status = options.expect_status;
  request.expected_body = options.expect_body;
  return request;
}

/// The loops of a round, and what they share.
struct RoundLoops {
  RoundLoops(const RunContext& run, const Connector& connector, const Observer& observer,
             std::uint64_t seed)
      : sizes(sizes_of(run.options, seed)),
        payload(run.options.data.empty() ? echo::Payload::unique(sizes.largest(), seed)
                                         : echo::Payload::text(run.options.data)),
        request(request_of(run.options)),
        context{connector,      payload,
                sizes,          run.stop,
                concurrency,    [&observer] { return observer.server_is_gone(); },
                &run.heartbeat, request ? &*request : nullptr,
                &enough},
        group(plans_of(run.options, run.deadline_at, run.watch), context, run.options.cpus,
              run.options.tables.value_or(1) > 1) {}

  MessageSizes sizes;
  echo::Payload payload;
  std::optional<HttpRequest> request;
  Concurrency concurrency;
  std::atomic<bool> enough{false};
  LoopContext context;
  LoopGroup group;
};

/// A round, step by step.
class Round {
 public:
  Round(const RunContext& context, std::uint64_t number)
      : context_(context),
        options_(context.options),
        churn_(options_.mode == Mode::churn),
        seed_(echo::splitmix64(context.seed + number)),
        begun_(now()),
        first_(open_first(context.candidates, patience_for_a_server_just_started, context.stop)),
        refused_(first_.attempt.error != 0),
        connector_(context.candidates[first_.address]),
        observer_(connector_, options_.server_pid, [&context] { return context.stopping(); }) {}

  Result run();

 private:
  void describe_target();
  void sample_before();
  void start_loops();
  void ramp();
  void watch_memory();
  void exchange_first_echoes();
  void search_rate();
  void idle();
  void drain();
  void add_up();
  void sample_after();
  void settle();

  [[nodiscard]] Sample sample(limits::Detail detail, Edge edge) const {
    return observer_.sample(loops_->concurrency.open(), detail, edge);
  }
  /// Runs `task` on all loops, and returns how long it took.
  Nanoseconds run_timed(const LoopGroup::Task& task) {
    const Nanoseconds task_begun = now();
    context_.watch.run(loops_->group, task);
    return now() - task_begun;
  }
  /// The connections that the server may still hold for this client: those open, and those that
  /// failed. A connection that was closed with unsent data stays established at the server.
  [[nodiscard]] std::uint64_t own_connections() {
    std::uint64_t own = loops_->concurrency.open();
    LoopGroup& group = loops_->group;
    for (unsigned i = 0; i < group.size(); ++i) own += group.loop(i).tally().failed();
    return own;
  }

  const RunContext& context_;
  const Options& options_;
  const bool churn_;
  const std::uint64_t seed_;
  const Nanoseconds begun_;
  FirstConnection first_;
  const bool refused_;
  const Connector& connector_;
  const Observer observer_;
  std::optional<RoundLoops> loops_;
  Result result_;
};

Result Round::run() {
  describe_target();
  sample_before();
  start_loops();
  ramp();
  exchange_first_echoes();
  if (options_.find_rate) {
    search_rate();
  } else if (!(churn_ && refused_)) {
    run_traffic(context_, observer_, loops_->concurrency, loops_->group, seed_, result_);
  }
  idle();
  drain();
  add_up();
  sample_after();
  settle();
  return std::move(result_);
}

void Round::describe_target() {
  result_.target = connector_.target();
  result_.sources = connector_.sources().count();
  result_.server_name = observer_.server_name();
  result_.server_is_known = observer_.knows_server();
  result_.other_listener = observer_.other_listener();
}

void Round::sample_before() {
  const std::uint64_t open = refused_ ? 0 : 1;
  Moments& moments = result_.moments;
  moments.before = observer_.sample(open, limits::Detail::quick, Edge::opens);
  moments.listeners_before = observer_.server_sockets().listeners();
  observer_.count_other_connections(moments, open);
}

/// After the first sample: their memory is that of the connections.
void Round::start_loops() {
  loops_.emplace(context_, connector_, observer_, seed_);
  loops_->group.loop(0).adopt(std::move(first_));
  context_.watch.follow(observer_);
}

/// In churn the connections are the traffic.
void Round::ramp() {
  if (!churn_) {
    const Nanoseconds ramp_begun = now();
    loops_->group.start([](Loop& loop, unsigned) { loop.ramp(); });
    watch_memory();
    context_.watch.wait_for(loops_->group);
    loops_->group.wait();
    result_.phases.ramp += now() - ramp_begun;
  }
  result_.moments.standing = sample(limits::Detail::quick, Edge::opens);
  if (!churn_) observer_.count_other_connections(result_.moments, own_connections());
}

/// Looks often enough for the 300 MB/s that connections take at most, and costs 0.1 ms each time.
/// Returns when the ramp has ended, or connections are no longer opened.
void Round::watch_memory() {
  constexpr std::chrono::milliseconds interval{20};
  if (options_.keep_free == 0) return;
  while (!context_.watch.wait_for(loops_->group, now() + interval)) {
    const auto free = limits::read_machine().free;
    if (!free || *free >= options_.keep_free) continue;
    loops_->enough = true;
    result_.short_of_memory_at = free;
    return;
  }
}

void Round::exchange_first_echoes() {
  if (!needs_first_echoes(options_)) return;
  context_.watch.run(loops_->group, [](Loop& loop, unsigned) {
    loop.exchange({.start = now(), .messages = 1, .first_echoes = true});
  });
}

void Round::search_rate() {
  result_.moments.begin = sample(limits::Detail::quick, Edge::opens);
  const Nanoseconds search_begun = now();
  result_.found =
      find_rate(loops_->group, context_.watch, *options_.find_rate, options_.poisson, seed_);
  Phases& phases = result_.phases;
  phases.measured = result_.found->measured_time;
  phases.warm_up = now() - search_begun - phases.measured;
  result_.moments.end = sample(limits::Detail::full, Edge::closes);
}

void Round::idle() {
  if (options_.idle_time().count() > 0) {
    const Nanoseconds until = now() + options_.idle_time();
    result_.phases.idle += run_timed([until](Loop& loop, unsigned) { loop.idle(until); });
  }
  if (!churn_) observer_.count_other_connections(result_.moments, own_connections());
}

void Round::drain() {
  result_.phases.drain += run_timed([](Loop& loop, unsigned) { loop.drain(); });
  context_.watch.finish(loops_->group);
  loops_->group.finish();
}

void Round::add_up() {
  result_.tally = loops_->group.tally();
  result_.echoes_between = result_.tally.echoes_within;
  if (result_.found) {  // the samples enclose all its trials
    const auto ramp = result_.tally.ramp ? result_.tally.ramp->verified : 0;
    result_.echoes_between = result_.tally.verified() - ramp;
  }
  result_.away = context_.heartbeat.within(result_.moments.begin.at.time_since_epoch(),
                                           result_.moments.end.at.time_since_epoch());
  result_.requested = churn_ ? result_.tally.total : options_.connections;
  result_.max_concurrent = loops_->concurrency.most();
  result_.open_at_end = loops_->concurrency.open();
  result_.stop_reason = loops_->group.stop_reason();
  result_.phases.whole = now() - begun_;
}

void Round::sample_after() {
  Moments& moments = result_.moments;
  moments.after = observer_.sample(0, limits::Detail::quick, Edge::closes);
  moments.listeners_after = observer_.server_sockets().listeners();
  observer_.count_other_connections(moments, result_.tally.failed());
}

/// With --repeat: waits until the sockets of this round are gone, and keeps its figures.
void Round::settle() {
  if (options_.repeat == 1 || result_.stop_reason != StopReason::none) return;
  context_.watch.show_message("settling: waiting for TIME_WAIT to drain");
  const std::uint64_t before = result_.moments.before.tcp.time_wait.value_or(0);
  const Nanoseconds left = std::max(context_.deadline_at - now(), Nanoseconds{0});
  const Nanoseconds at_most = std::min(bounded(options_.settle), left);
  const Quiesced settled = quiesce(observer_, before, at_most, context_.stop);
  result_.rounds.push_back(
      {.served = result_.tally.count(Outcome::served),
       .failed = result_.tally.failed(),
       .echoes_per_s = per_second(result_.tally.echoes_within, result_.phases.measured),
       .server_rss = settled.server_resident,
       .time_wait = settled.time_wait});
  if (now() >= context_.deadline_at) result_.stop_reason = StopReason::deadline;
  if (context_.stop.draining()) result_.stop_reason = StopReason::interrupted;
}

}  // namespace

Result run_round(const RunContext& context, std::uint64_t number) {
  return Round{context, number}.run();
}

}  // namespace client
