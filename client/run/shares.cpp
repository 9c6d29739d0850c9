#include "client/run/shares.hpp"

#include <algorithm>

#include "echo/splitmix64.hpp"

namespace client {
namespace {

/// A look at the retransmissions of each of more connections would take longer than 0.1 s.
constexpr std::uint64_t most_looked_at = 100'000;

/// In churn a connection that ends before its messages are answered is a failure.
Reconnects reconnects_in(Mode mode) {
  return mode == Mode::stream ? Reconnects::always
         : mode == Mode::hold ? Reconnects::until_complete
                              : Reconnects::never;
}

/// The share of a gap at which loop `i` of `loops` begins: all loops of all ranks interleave.
double phase_of(Share share, std::uint64_t i, std::uint64_t loops) {
  return static_cast<double>(share.rank + share.ranks * i) /
         static_cast<double>(share.ranks * loops);
}

}  // namespace

std::vector<Plan> plans_of(const Options& options, Nanoseconds deadline_at, const Watch& watch) {
  const auto connections = static_cast<std::uint32_t>(options.connections);
  const auto threads = static_cast<std::uint32_t>(options.loops());
  std::vector<Plan> plans(threads);
  for (std::uint32_t i = 0; i < threads; ++i) {
    Plan& plan = plans[i];
    plan.connections = connections / threads + (i < connections % threads ? 1 : 0);
    plan.first = options.share.rank + options.share.ranks * i;
    plan.stride = options.share.ranks * threads;
    plan.depth = static_cast<std::uint32_t>(options.depth);
    plan.churn = options.mode == Mode::churn;
    if (options.connect_rate > 0) {
      const double share = double{1} * plan.connections / connections;
      plan.connects =
          Pace::evenly(options.connect_rate * share, phase_of(options.share, i, threads));
    }
    plan.connect_timeout = bounded(options.connect_timeout);
    plan.timeout = bounded(options.timeout);
    plan.deadline_at = deadline_at;
    plan.half_close = options.half_close;
    plan.linger_reset = options.linger_reset;
    if (options.protocol() == ProtocolName::http) plan.reconnects = reconnects_in(options.mode);
    plan.post_every = watch.interval();
    plan.post_from = watch.begun();
    plan.keep_interval = watch.wants_latency();
    plan.receive_lateness = options.measures_receive_lateness();
    if (plan.churn || options.connections > most_looked_at)
      plan.retransmissions_of_each = ReceiveSampler::of_each;
  }
  return plans;
}

std::vector<std::optional<Pace>> paces_of(LoopGroup& group, double rate, bool poisson,
                                          std::uint64_t seed, Share share) {
  std::vector<std::optional<Pace>> paces(group.size());
  if (rate <= 0) return paces;
  std::uint64_t standing = 0;
  for (unsigned i = 0; i < group.size(); ++i) standing += group.loop(i).standing();
  for (unsigned i = 0; i < group.size(); ++i) {
    const std::uint64_t mine = group.loop(i).standing();
    if (mine == 0) continue;
    const double part = rate * static_cast<double>(mine) / static_cast<double>(standing);
    const std::uint64_t number = share.rank + std::uint64_t{share.ranks} * i;
    paces[i] = poisson ? Pace::poisson(part, echo::splitmix64(seed + number + 1))
                       : Pace::evenly(part, phase_of(share, i, group.size()));
  }
  return paces;
}

}  // namespace client
