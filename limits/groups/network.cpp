// Rows for ports, the accept queue, connection tracking and the memory of TCP; see groups.hpp.
#include <algorithm>
#include <optional>
#include <string>

#include "limits/groups/groups.hpp"
#include "limits/quantity.hpp"
#include "limits/saturating.hpp"

namespace limits {
namespace {

/// Beyond half a port range connect() searches up to 12 times as long, so the row warns from there.
void add_port_rows(Rows& rows, const Demands& demands, const Ceilings& c, const Lift& lift) {
  for (const Demand& client : demands) {
    if (!client.takes_ports) continue;
    const std::uint64_t have = saturating_multiply(client.sources, c.ports.count());
    std::string source = "/proc/sys/net/ipv4/ip_local_port_range";
    if (client.sources > 1) source += " (x " + format_count(client.sources) + " sources)";
    Verdict& row = rows.add("local ports", source, have, most_connections);
    if (row.status == Status::ok && row.need > have / 2) row.status = Status::warn;
    if (row.status != Status::ok) row.lift = lift.ports(client, c.ports);
  }
}

/// The kernel queues min(backlog, somaxconn) + 1 connections that wait for accept(). Further SYNs
/// of one burst are retried after a second. That is slow but not a refusal, so the row is a warning
/// at most.
void add_backlog_row(Rows& rows, const Ceilings& c, const Lift& lift, std::uint64_t backlog) {
  const Need need = [](const Demands& demands) {
    constexpr std::uint64_t burst = 4'096;
    return std::min(most_connections(demands), burst);
  };
  std::optional<Ceiling> queue = c.somaxconn;
  if (queue) queue->value = saturating_add(std::min(backlog, queue->value), 1);
  Verdict& row = rows.add("listen backlog", queue, 0, "/proc/sys/net/core/somaxconn", need);
  row.bites_at.reset();
  if (row.status != Status::short_) return;
  row.status = Status::warn;
  row.lift = lift.backlog(row.need, backlog, c.somaxconn->value);
}

/// The table of nf_conntrack, which drops packets when it is full. Over loopback too, a connection
/// has one entry, which both ends share. Whether the kernel tracks depends on the firewall's rules,
/// which cannot be read without privilege, so the row is a warning at most.
void add_conntrack_row(Rows& rows, const Ceilings& c, const Lift& lift) {
  if (!c.conntrack_max) return;
  Verdict& row = rows.add("tracked connections", c.conntrack_max, c.conntrack_used,
                          "/proc/sys/net/netfilter/nf_conntrack_max", most_connections);
  row.bites_at.reset();
  if (row.status != Status::short_) return;
  row.status = Status::warn;
  row.lift = lift.shared_sysctl("net.netfilter.nf_conntrack_max",
                                saturating_add(row.need, c.conntrack_used));
}

/// A connection without queued data holds no page of TCP's memory; one with a message on its way,
/// at either end, holds one at least. Beyond the limit messages wait and connections are reset, so
/// the row is a warning at most.
void add_tcp_row(Rows& rows, const Ceilings& c, const Lift& lift) {
  if (!c.tcp_pages) return;
  Verdict& row = rows.add("TCP memory, pages", c.tcp_pages, c.tcp_pages_used,
                          "/proc/sys/net/ipv4/tcp_mem", most_connections);
  row.bites_at.reset();
  if (row.status != Status::short_) return;
  row.status = Status::warn;
  row.lift = lift.tcp_pages(saturating_add(row.need, c.tcp_pages_used));
}

}  // namespace

void add_network_rows(Rows& rows, const Demands& demands, const Ceilings& ceilings,
                      const Lift& lift, std::uint64_t backlog) {
  add_port_rows(rows, demands, ceilings, lift);
  add_conntrack_row(rows, ceilings, lift);
  add_tcp_row(rows, ceilings, lift);
  if (backlog > 0) add_backlog_row(rows, ceilings, lift, backlog);
}

}  // namespace limits
