// What both ends and the machine hold and spend, sampled between phases, never within one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/connector.hpp"
#include "limits/cpu.hpp"
#include "limits/tcp_counters.hpp"
#include "limits/usage.hpp"

namespace client {

/// Everything at one moment.
struct Sample {
  std::chrono::steady_clock::time_point at;
  std::uint64_t connections = 0;  ///< established, as the client counts
  limits::Usage client;
  std::optional<limits::Usage> server;
  limits::Machine machine;
  std::optional<std::chrono::nanoseconds> client_cpu, server_cpu, softirq_cpu;
  std::optional<limits::Busy> busy;
  limits::TcpCounters tcp;
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
  /// `detail` is for the server: PSS, which does not count shared pages twice, costs ~15 ms.
  [[nodiscard]] Sample sample(std::uint64_t connections, limits::Detail detail) const;
  /// Its processes are gone, or nobody listens any more. Costs a connect.
  [[nodiscard]] bool server_is_gone() const;

 private:
  const Connector& connector_;
  std::vector<pid_t> server_;  ///< holders of the listener, without their descendants
  std::vector<pid_t> softirq_;
};

/// Bytes of resident memory per connection between two samples of one process; nullopt when unknown
/// or when no connection was added.
std::optional<std::uint64_t> resident_per_connection(const std::optional<limits::Usage>& before,
                                                     const std::optional<limits::Usage>& after,
                                                     std::uint64_t connections);

}  // namespace client
