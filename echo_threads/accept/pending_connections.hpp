// Connections for those who start a thread or a process for each: accepted at once, begun in turn.
//
// Accepting takes 3 us, starting a thread 30 and a process 150 or more. Taken in turns, a burst of
// 10,000 would overflow the kernel's queue, and each connection dropped there costs its peer a
// second.
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

  /// Waits for a connection, or until `or_until` is readable. False once a drain has begun.
  bool wait(int or_until);
  /// Takes in all that the kernel has; returns the one that came first, or an empty Descriptor.
  /// `live`: what counts against --max-connections, beside those that wait here.
  echo::Descriptor next(std::uint64_t live);
  /// Listens no more, and lets go of what nothing was started for.
  void close();

 private:
  const echo::Stop& stop_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  std::deque<echo::Descriptor> waiting_;
};

}  // namespace echo_threads
