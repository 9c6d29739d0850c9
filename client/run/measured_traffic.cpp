#include "client/run/measured_traffic.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "client/run/shares.hpp"

namespace client {
namespace {

/// From the start of the traffic until the first message is due, so that all threads are running.
constexpr std::chrono::microseconds head_start{200};
/// How far from an edge of the measured phase the leader reads what the loops do not read: near
/// enough for counters with the resolution of a tick, and clear of the loop that crosses the edge.
constexpr std::chrono::milliseconds beside_the_edge{2};
/// The clocks of this many processes are read within 0.2 ms.
constexpr std::size_t few_processes = 4;

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

Traffic traffic_of(const Options& options, Nanoseconds agreed) {
  Traffic traffic;
  traffic.start = std::max(now() + head_start, agreed);
  traffic.measure_from = traffic.start + bounded(options.warm_up);
  if (options.timed()) traffic.stop_at = traffic.measure_from + options.traffic_time();
  traffic.messages = static_cast<std::uint32_t>(options.messages_each());
  return traffic;
}

/// A hundred intervals of the measured phase, and samples that are spread over all of it.
Sampling sampling_of(const Options& options, const Traffic& traffic) {
  Sampling sampling;
  const bool timed = traffic.stop_at != never;
  if (timed && options.mode == Mode::stream)
    sampling.interval = (traffic.stop_at - traffic.measure_from) / most_intervals;
  if (sampling.interval <= Nanoseconds{0}) sampling.interval = never;
  if (!traffic.pace) return sampling;
  const auto each = static_cast<std::uint64_t>(traffic.messages) * options.connections;
  sampling.expected =
      timed ? traffic.pace->due_within(traffic.stop_at - traffic.measure_from) : each;
  sampling.every = sampling.expected / most_samples + 1;
  return sampling;
}

}  // namespace

void run_traffic(const RunContext& context, const Observer& observer,
                 const Concurrency& concurrency, LoopGroup& group, std::uint64_t seed,
                 Result& result) {
  const Options& options = context.options;
  const bool churn = options.mode == Mode::churn;
  Moments& moments = result.moments;
  const Nanoseconds agreed = context.agreed_traffic();
  group.run([](Loop& loop, unsigned) { loop.traffic_begins(); });
  moments.begin = observer.sample(concurrency.open(), limits::Detail::quick, Edge::opens);
  const Traffic traffic = traffic_of(options, agreed);
  const std::vector<std::optional<Pace>> paces =
      paces_of(group, options.rate, options.poisson, seed, options.share);
  ClocksAtEdges clocks{observer};
  const std::function<void(Edge)> at_edge = clocks.reader();
  const Nanoseconds beside = at_edge ? beside_the_edge : Nanoseconds{0};
  std::optional<Nanoseconds> begun;  // unset if a stop came before
  group.start([&](Loop& loop, unsigned number) {
    // Ranks promise each other a moment: more precise than the wait of a loop for its first
    // message.
    const bool in_time = context.rendezvous == nullptr || sleep_until(traffic.start, context.stop);
    if (number == 0 && in_time) begun = now();
    Traffic mine = traffic;
    mine.pace = paces[number];
    mine.sampling = sampling_of(options, mine);
    if (number == 0) mine.at_edge = at_edge;
    churn ? loop.churn(mine) : loop.exchange(mine);
  });
  bool finished = false;
  if (options.warm_up.count() > 0) {
    finished = context.watch.wait_for(group, traffic.measure_from - beside);
    observer.read_clocks_again(moments.begin);
  }
  // In churn hardly any connection is still open a moment later.
  if (!finished) context.watch.wait_for(group, traffic.stop_at + (churn ? Nanoseconds{0} : beside));
  Nanoseconds end = std::min(now(), traffic.stop_at);
  moments.end = observer.sample(concurrency.open(), limits::Detail::full, Edge::closes);
  context.watch.wait_for(group);
  group.wait();
  if (context.rendezvous != nullptr && begun) result.traffic_begins = {agreed, *begun};
  clocks.complete(moments);
  group.run([](Loop& loop, unsigned) { loop.traffic_ends(); });
  for (unsigned i = 0; i < group.size(); ++i)
    result.samples.push_back(group.loop(i).take_samples());
  end = std::min(end, group.stopped_at());  // what came after it is not measured
  // A stop may have come before the time that the ranks agreed on.
  result.phases.warm_up +=
      std::max(std::min(end, traffic.measure_from) - traffic.start, Nanoseconds{0});
  result.phases.measured += std::max(end - traffic.measure_from, Nanoseconds{0});
}

}  // namespace client
