// What both ends and the machine hold and spend, sampled between phases, never within one.
//
// A sample costs some milliseconds, most of them for looking through /proc for the server's
// children and for walking its page tables. So its clocks are read at the end where a window opens
// and at the beginning where one closes: the rest of it, up to 40 ms, is in nobody's figures. The
// clocks of a few processes cost microseconds, and may be read by the loop that crosses the edge.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/connection/connector.hpp"
#include "client/schedule/plan.hpp"
#include "limits/cpu.hpp"
#include "limits/tcp_counters.hpp"
#include "limits/usage.hpp"

namespace client {

/// CPU clocks, and when they were read.
struct Clocks {
  std::chrono::steady_clock::time_point at;
  std::optional<std::chrono::nanoseconds> client_cpu, server_cpu, softirq_cpu;
};

/// Everything at one moment.
struct Sample : Clocks {
  std::chrono::steady_clock::time_point looked_at;  ///< when threads and ticks were read
  std::uint64_t connections = 0;                    ///< established, as the client counts
  limits::Usage client;
  std::optional<limits::Usage> server;
  limits::Machine machine;
  std::chrono::nanoseconds newborn_cpu{};  ///< in server_cpu: of children forked within the window
  /// nullopt above limits::most_threads.
  std::optional<std::vector<limits::ThreadTime>> client_threads, server_threads;
  std::optional<limits::Busy> busy;
  std::optional<limits::Load> load;
  limits::TcpCounters tcp;
};

/// Bytes resident now, for the live line and the series.
struct QuickMemory {
  std::optional<std::uint64_t> client, server;
};

/// The moments of a run at which both ends are looked at. Memory is counted from `before` to `end`,
/// CPU from `begin` to `end`, the kernel's events from `before` to `after`.
struct Moments {
  Sample before;    ///< with connection 0 only
  Sample standing;  ///< all stand, nothing sent
  Sample begin;     ///< the measured phase begins
  Sample end;       ///< it has ended; all still stand
  Sample after;     ///< all closed
};

/// Knows the server's processes, when they run here.
class Observer {
 public:
  /// `server_pid` unset: found by its listening socket, if the target is local.
  Observer(const Connector& connector, std::optional<pid_t> server_pid);

  [[nodiscard]] bool knows_server() const { return !server_.empty(); }
  /// "4711 (echo_threads)", for a person.
  [[nodiscard]] std::string server_name() const;
  /// `detail` is for the server: PSS, which does not count shared pages twice, costs ~15 ms. Not
  /// from two threads at once. A window that opens wants its clocks last, one that has closed
  /// first.
  [[nodiscard]] Sample sample(std::uint64_t connections, limits::Detail detail,
                              Edge edge = Edge::opens) const;
  /// The server's processes that the last sample found. Not while another thread samples.
  [[nodiscard]] const std::vector<pid_t>& family() const { return family_; }
  /// The clocks, where the server's processes are these: 30 us each. From any thread.
  [[nodiscard]] Clocks clocks(const std::vector<pid_t>& family) const;
  /// Reads the clocks of `sample` again, where its window opens later than the rest could be read.
  void read_clocks_again(Sample& sample) const;
  /// ~10 us a process. The server's are those that the last sample found. May be asked within a
  /// window, but not while another thread samples.
  [[nodiscard]] QuickMemory quick_memory() const;
  /// Its processes are gone, or nobody listens any more. Costs a connect.
  [[nodiscard]] bool server_is_gone() const;

 private:
  void read_clocks(Sample& sample) const;
  void read_threads(Sample& sample) const;
  void read_memory(Sample& sample, limits::Detail detail) const;
  void add_newborn(Sample& sample, const std::vector<pid_t>& family) const;

  const Connector& connector_;
  std::vector<pid_t> server_;  ///< holders of the listener, without their descendants
  std::vector<pid_t> softirq_;
  mutable std::vector<pid_t> family_;  ///< with their descendants, as of the last look
};

/// Bytes of resident memory per connection between two samples of one process; nullopt when unknown
/// or when no connection was added.
std::optional<std::uint64_t> resident_per_connection(const std::optional<limits::Usage>& before,
                                                     const std::optional<limits::Usage>& after,
                                                     std::uint64_t connections);

}  // namespace client
