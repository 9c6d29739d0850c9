// Samples memory and CPU time of client, server and machine, between phases, never within one.
//
// A sample costs some milliseconds, most of them to search /proc for the server's children and to
// walk its page tables. So a sample that opens a window reads the clocks last, and one that closes
// a window reads them first: the rest of it, up to 40 ms, is in no figure. The clocks of a few
// processes cost microseconds; the loop that crosses the edge may read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/connection/connector.hpp"
#include "client/measure/server_sockets.hpp"
#include "client/schedule/plan.hpp"
#include "limits/cgroup.hpp"
#include "limits/cpu.hpp"
#include "limits/tcp_counters.hpp"
#include "limits/usage.hpp"

namespace client {

/// CPU clocks, and the time at which they were read.
struct Clocks {
  std::chrono::steady_clock::time_point at;
  std::optional<std::chrono::nanoseconds> client_cpu, server_cpu, softirq_cpu;
};

/// Everything that is sampled at one moment.
struct Sample : Clocks {
  std::chrono::steady_clock::time_point looked_at;  ///< when threads and ticks were read
  std::uint64_t connections = 0;                    ///< established, as the client counts
  limits::Usage client;
  std::optional<limits::Usage> server;
  limits::Machine machine;
  std::chrono::nanoseconds
      newborn_cpu{};  ///< part of server_cpu: children forked within the window
  /// nullopt above limits::most_threads.
  std::optional<std::vector<limits::ThreadTime>> client_threads, server_threads;
  std::optional<limits::Busy> busy;
  std::optional<limits::Load> load;
  limits::TcpCounters tcp;
  /// CPU quotas of both ends' control groups; the server's by its first process.
  std::optional<limits::CpuQuota> client_quota, server_quota;
};

/// Bytes resident now, for the live line and the series; nullopt when unknown.
struct QuickMemory {
  std::optional<std::uint64_t> client, server;
};

/// The samples of a run. Memory is counted from `before` to `end`, CPU from `begin` to `end`, the
/// kernel's events from `before` to `after`.
struct Moments {
  Sample before;    ///< with connection 0 only
  Sample standing;  ///< all established, nothing sent
  Sample begin;     ///< the measured phase begins
  Sample end;       ///< it has ended; all still established
  Sample after;     ///< all closed
  /// The server's listeners, as of `before` and `after`; nullopt when unknown.
  std::optional<ListenerState> listeners_before, listeners_after;
  /// Connections of the server that are not this client's: the most at one of several moments
  /// outside the window; nullopt when unknown. Their costs cannot be told from this client's.
  std::optional<std::uint64_t> other_connections;
};

/// Samples client, machine and, if they run on this machine, the server's processes.
class Observer {
 public:
  /// `server_pid` unset: found by its listening socket, if the target is local. `stopping`: the run
  /// must end. A sample then leaves out the memory of a server whose processes are too many to be
  /// read in a tenth of a second.
  Observer(const Connector& connector, std::optional<pid_t> server_pid,
           std::function<bool()> stopping = {});

  [[nodiscard]] bool knows_server() const { return !server_.empty(); }
  /// The server for the text report, e.g. "4711 (echo_threads)"; "-" when unknown.
  [[nodiscard]] std::string server_name() const;
  /// The process that holds the listener, in the same form, if it is not the one given as
  /// `server_pid` nor a descendant of that; else "".
  [[nodiscard]] const std::string& other_listener() const { return other_listener_; }
  /// `detail` applies to the server: PSS, which does not count shared pages twice, costs ~15 ms.
  /// `edge`: opens reads the clocks last, closes reads them first. Not from two threads
  /// simultaneously.
  [[nodiscard]] Sample sample(std::uint64_t connections, limits::Detail detail,
                              Edge edge = Edge::opens) const;
  /// The server's processes that the last sample found. Not while another thread samples.
  [[nodiscard]] const std::vector<pid_t>& family() const { return family_; }
  /// The clocks of client, softirq threads and the server's processes `family`; 30 us each. From
  /// any thread.
  [[nodiscard]] Clocks clocks(const std::vector<pid_t>& family) const;
  /// Reads clocks and quotas of `sample` again, if its window opens later than the rest was read.
  void read_clocks_again(Sample& sample) const;
  /// The resident memory of the client and of the server's processes that the last sample found;
  /// ~10 us per process. May be called within a window, but not while another thread samples.
  [[nodiscard]] QuickMemory quick_memory() const;
  [[nodiscard]] const ServerSockets& server_sockets() const { return server_sockets_; }
  /// Counts the server's connections beyond `own`, those that this client has open now, and keeps
  /// the larger number in `moments`. Takes some milliseconds per 10,000 connections: only outside
  /// the window. Above 100,000 of its own it does nothing.
  void count_other_connections(Moments& moments, std::uint64_t own) const;
  /// Whether the server's processes are gone or no longer listen. Costs a connect.
  [[nodiscard]] bool server_is_gone() const;

 private:
  void read_clocks(Sample& sample) const;
  void read_threads(Sample& sample) const;
  void read_memory(Sample& sample, limits::Detail detail) const;
  void read_quotas(Sample& sample) const;
  void read_server_memory(Sample& sample, limits::Detail detail) const;
  void add_newborn(Sample& sample, const std::vector<pid_t>& family) const;

  const Connector& connector_;
  ServerSockets server_sockets_;
  std::function<bool()> stopping_;
  std::vector<pid_t> server_;  ///< holders of the listener, without their descendants
  std::string other_listener_;
  std::vector<pid_t> softirq_;
  mutable std::vector<pid_t> family_;  ///< with their descendants, as of the last sample
};

/// Bytes of resident memory per connection between two samples of one process; nullopt when unknown
/// or when no connection was added.
std::optional<std::uint64_t> resident_per_connection(const std::optional<limits::Usage>& before,
                                                     const std::optional<limits::Usage>& after,
                                                     std::uint64_t connections);

}  // namespace client
