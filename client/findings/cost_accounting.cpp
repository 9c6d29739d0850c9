#include "client/findings/cost_accounting.hpp"

#include <algorithm>
#include <cmath>

namespace client {
namespace {

using Figure = std::optional<std::uint64_t>;

/// The increase; 0 for a decrease, which is noise from the rest of the machine.
Figure growth(const Figure& before, const Figure& after) {
  if (!before || !after) return std::nullopt;
  return *after > *before ? *after - *before : 0;
}

Figure share(const std::optional<std::chrono::nanoseconds>& before,
             const std::optional<std::chrono::nanoseconds>& after, std::uint64_t echoes) {
  if (!before || !after || echoes == 0 || *after < *before) return std::nullopt;
  return static_cast<std::uint64_t>((*after - *before).count()) / echoes;
}

using Threads = std::optional<std::vector<limits::ThreadTime>>;

/// Calls `visit(before, after)` for each thread of `after`; a new thread has zeros before. Returns
/// false if either list is unknown or a thread has ended.
template <typename Visit>
bool for_each_thread(const Threads& before, const Threads& after, const Visit& visit) {
  if (!before || !after) return false;
  auto earlier = before->begin();
  std::size_t matched = 0;
  for (const limits::ThreadTime& thread : *after) {
    while (earlier != before->end() && earlier->tid < thread.tid) ++earlier;
    const bool known = earlier != before->end() && earlier->tid == thread.tid;
    matched += known ? 1 : 0;
    visit(known ? *earlier : limits::ThreadTime{.tid = thread.tid}, thread);
  }
  return matched == before->size();
}

std::optional<double> switches(const Threads& before, const Threads& after, std::uint64_t echoes) {
  std::uint64_t sum = 0;
  const bool all = for_each_thread(before, after, [&sum](const auto& then, const auto& now) {
    sum += now.switches > then.switches ? now.switches - then.switches : 0;
  });
  if (!all || echoes == 0) return std::nullopt;
  return static_cast<double>(sum) / static_cast<double>(echoes);
}

/// The largest increase of `time` in one thread that still runs, as a share of the window.
std::optional<double> largest(const Threads& before, const Threads& after,
                              std::chrono::nanoseconds limits::ThreadTime::*time,
                              std::chrono::duration<double> window) {
  if (!before || !after || window.count() <= 0) return std::nullopt;
  std::chrono::nanoseconds most{0};
  for_each_thread(before, after, [&](const auto& then, const auto& now) {
    most = std::max(most, now.*time - then.*time);
  });
  // The threads are read just before or after the clock, so a busy one's time may exceed the window
  // slightly.
  return std::min(1.0, most / window);
}

std::optional<double> part_of(const std::optional<std::chrono::nanoseconds>& before,
                              const std::optional<std::chrono::nanoseconds>& after,
                              std::chrono::duration<double> window) {
  if (!before || !after || *after < *before || window.count() <= 0) return std::nullopt;
  return (*after - *before) / window;
}

/// How far /proc/stat may be below the true value by chance. The kernel samples what runs. If
/// something runs for a share p of the time, n samples find it n p times on average, with a
/// standard deviation of sqrt(n p (1 - p)). The bound is three standard deviations, plus a tick per
/// processor at the edges. The kernel samples CONFIG_HZ times a second, which a program cannot
/// read, but at least once a tick: so this is an upper bound.
std::chrono::nanoseconds error_of_ticks(std::chrono::nanoseconds attributed,
                                        std::chrono::duration<double> machine,
                                        std::int64_t processors) {
  const std::chrono::duration<double> tick = limits::tick();
  const double looks = machine / tick;
  const double share = std::clamp(attributed / machine, 0.0, 1.0);
  const auto chance = 3 * std::sqrt(looks * share * (1 - share)) * tick;
  return processors * limits::tick() + std::chrono::duration_cast<std::chrono::nanoseconds>(chance);
}

/// Compares the busy time of /proc/stat with the CPU clocks of the processes.
void account_for_machine(Costs& costs, const Sample& from, const Sample& to, std::uint64_t echoes) {
  if (!from.busy || !to.busy) return;
  costs.busy_per_echo = share(from.busy->busy, to.busy->busy, echoes);
  if (from.busy->switches && to.busy->switches && echoes > 0) {
    costs.machine_switches_per_echo =
        static_cast<double>(*to.busy->switches - *from.busy->switches) /
        static_cast<double>(echoes);
  }
  const auto processors = static_cast<std::int64_t>(to.busy->processors);
  const std::chrono::duration<double> machine = (to.looked_at - from.looked_at) * processors;
  costs.steal = part_of(from.busy->steal, to.busy->steal, machine);
  if (!costs.total_per_echo || !costs.busy_per_echo) return;
  const std::chrono::nanoseconds busy = to.busy->busy - from.busy->busy;
  const std::chrono::nanoseconds attributed = (*to.client_cpu - *from.client_cpu) +
                                              (*to.server_cpu - *from.server_cpu) +
                                              (*to.softirq_cpu - *from.softirq_cpu);
  const std::chrono::nanoseconds rest = busy - attributed;
  // The clocks of processes include time stolen by the hypervisor; /proc/stat counts it separately.
  const std::chrono::nanoseconds stolen = to.busy->steal - from.busy->steal;
  if (rest < -error_of_ticks(attributed, machine, processors) - stolen) return;
  const auto others = std::max(rest, std::chrono::nanoseconds{0});
  costs.unattributed_per_echo = static_cast<std::uint64_t>(others.count()) / echoes;
  costs.others = part_of(std::chrono::nanoseconds{0}, others, machine);
}

/// Removes what other clients of the server share: its costs are those of their echoes and
/// connections too.
void forget_shared(Costs& costs) {
  for (auto* figure : {&costs.total_per_echo, &costs.server_per_echo, &costs.softirq_per_echo,
                       &costs.unattributed_per_echo, &costs.busy_per_echo, &costs.server_resident,
                       &costs.kernel_per_connection, &costs.total_per_connection}) {
    figure->reset();
  }
  costs.server_switches_per_echo.reset();
  costs.machine_switches_per_echo.reset();
}

Figure throttled(const std::optional<limits::CpuQuota>& before,
                 const std::optional<limits::CpuQuota>& after) {
  if (!before || !after) return std::nullopt;
  return growth(static_cast<std::uint64_t>(before->throttled.count()),
                static_cast<std::uint64_t>(after->throttled.count()));
}

/// CPU time and context switches between the edges of the measured window.
void account_for_cpu(Costs& costs, const Sample& from, const Sample& to, std::uint64_t echoes) {
  costs.client_per_echo = share(from.client_cpu, to.client_cpu, echoes);
  costs.server_per_echo = share(from.server_cpu, to.server_cpu, echoes);
  costs.softirq_per_echo = share(from.softirq_cpu, to.softirq_cpu, echoes);
  if (costs.client_per_echo && costs.server_per_echo && costs.softirq_per_echo) {
    costs.total_per_echo =
        *costs.client_per_echo + *costs.server_per_echo + *costs.softirq_per_echo;
  }
  const std::chrono::duration<double> window = to.at - from.at;
  costs.client_utilisation = part_of(from.client_cpu, to.client_cpu, window);
  costs.server_utilisation = part_of(from.server_cpu, to.server_cpu, window);
  using limits::ThreadTime;
  const std::chrono::duration<double> looked = to.looked_at - from.looked_at;
  costs.client_busiest_thread =
      largest(from.client_threads, to.client_threads, &ThreadTime::cpu, looked);
  costs.server_busiest_thread =
      largest(from.server_threads, to.server_threads, &ThreadTime::cpu, looked);
  costs.client_waited =
      largest(from.client_threads, to.client_threads, &ThreadTime::waited, looked);
  costs.client_switches_per_echo = switches(from.client_threads, to.client_threads, echoes);
  costs.server_switches_per_echo = switches(from.server_threads, to.server_threads, echoes);
  costs.client_throttled = throttled(from.client_quota, to.client_quota);
  costs.server_throttled = throttled(from.server_quota, to.server_quota);
}

/// Memory that all connections add to one connection.
void account_for_memory(Costs& costs, const Sample& one, const Sample& all) {
  const std::uint64_t added =
      all.connections > one.connections ? all.connections - one.connections : 0;
  costs.client_resident = resident_per_connection(one.client, all.client, added);
  costs.server_resident = resident_per_connection(one.server, all.server, added);
  costs.slab = growth(one.machine.slab, all.machine.slab);
  costs.kernel_stack = growth(one.machine.kernel_stack, all.machine.kernel_stack);
  costs.page_tables = growth(one.machine.page_tables, all.machine.page_tables);
  costs.socket = growth(one.machine.socket, all.machine.socket);
  costs.anon = growth(one.machine.anon, all.machine.anon);
  costs.total = growth(all.machine.free, one.machine.free);
  if (added > 0 && costs.slab && costs.kernel_stack && costs.page_tables && costs.socket) {
    costs.kernel_per_connection =
        (*costs.slab + *costs.kernel_stack + *costs.page_tables + *costs.socket) / added;
  }
  // If free memory decreased by less than its known parts grew, other programs freed some.
  if (costs.kernel_per_connection && costs.total) {
    const std::uint64_t per_connection = *costs.total / added;
    if (per_connection >= *costs.kernel_per_connection) costs.total_per_connection = per_connection;
  }
}

/// TCP events of this network namespace.
void account_for_kernel(Costs& costs, const limits::TcpCounters& before,
                        const limits::TcpCounters& after) {
  costs.listen_overflows = growth(before.listen_overflows, after.listen_overflows);
  costs.listen_drops = growth(before.listen_drops, after.listen_drops);
  costs.retransmitted_segments =
      growth(before.retransmitted_segments, after.retransmitted_segments);
  costs.syn_cookies_sent = growth(before.syn_cookies_sent, after.syn_cookies_sent);
  costs.syn_retransmits = growth(before.syn_retransmits, after.syn_retransmits);
  costs.time_wait_recycled = growth(before.time_wait_recycled, after.time_wait_recycled);
  costs.time_wait_overflow = growth(before.time_wait_overflow, after.time_wait_overflow);
  costs.time_wait = after.time_wait;
}

}  // namespace

Costs costs_of(const Moments& moments, std::uint64_t echoes) {
  Costs costs;
  account_for_cpu(costs, moments.begin, moments.end, echoes);
  account_for_machine(costs, moments.begin, moments.end, echoes);
  account_for_memory(costs, moments.before, moments.end);
  account_for_kernel(costs, moments.before.tcp, moments.after.tcp);
  if (moments.listeners_before && moments.listeners_after) {
    costs.listener_drops = growth(moments.listeners_before->drops, moments.listeners_after->drops);
  }
  costs.other_connections = moments.other_connections;
  if (costs.other_connections.value_or(0) > 0) forget_shared(costs);
  return costs;
}

}  // namespace client
