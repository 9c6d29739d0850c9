// The queue of accepted connections for which no thread or process has been started yet.
//
// Accepting takes 3 us, starting a thread 30 us, a process 150 us or more. If each connection were
// started before the next one is accepted, a burst of 10,000 would overflow the kernel's queue, and
// each connection dropped there costs its peer a second. So all are accepted immediately and
// started one by one.
#pragma once

#include <cstdint>
#include <deque>

#include "echo/descriptor.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_threads {

class PendingConnections {
 public:
  explicit PendingConnections(const server::Serving& serving);
  /// Calls close(): after a failure, connections may be left.
  ~PendingConnections() { close(); }
  PendingConnections(const PendingConnections&) = delete;
  PendingConnections& operator=(const PendingConnections&) = delete;

  /// Waits for a connection, or until `or_until` is readable. False once a drain has begun.
  bool wait(int or_until);
  /// Accepts all connections that the kernel has queued; returns the oldest that is pending, or an
  /// empty Descriptor. `live`: connections that count against --max-connections, beside the pending
  /// ones.
  echo::Descriptor next(std::uint64_t live);
  /// Stops listening. next() then returns those that are pending, shut down for reading, until the
  /// stop is forced: they too get the echo of what they have sent.
  void drain();
  /// After a forced stop: counts the pending connections as accepted and open, and closes them.
  void close();

 private:
  const echo::Stop& stop_;
  server::Counters& counters_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  std::uint64_t held_ = 0;  ///< as last told to the counters
  std::deque<echo::Descriptor> waiting_;
};

}  // namespace echo_threads
