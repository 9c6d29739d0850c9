// Opening connections: which address, from which source, and the very first one.
//
// A connect() needs a local port, and there are ~28,000 for each (source, destination, destination
// port). On loopback all of 127/8 is ours, so sources are taken from there: enough of them to keep
// each port range under half full (beyond that the kernel's search slows down), and others in each
// run, since the last run's TIME_WAIT holds its ports for a minute. IP_BIND_ADDRESS_NO_PORT leaves
// the port's choice to connect(): a plain bind() to a source would take the port for all
// destinations.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/socket.hpp"
#include "echo/stop.hpp"
#include "limits/kernel.hpp"

namespace client {

/// A connect that was begun: under way if `error` is 0, else an errno.
struct Attempt {
  echo::Descriptor socket;
  int error = 0;
};

/// Source addresses for `connections` to a loopback IPv4 target; none elsewhere.
class Sources {
 public:
  /// `seed` chooses where in 127/8 to begin; pass a different one in each run.
  Sources(const echo::Endpoint& target, std::uint64_t connections, limits::PortRange ports,
          std::uint64_t seed);
  /// How many addresses are used; 1 where the kernel chooses.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// For connection `index`; nullopt: leave it to the kernel.
  [[nodiscard]] std::optional<echo::Endpoint> at(std::uint64_t index) const;

 private:
  std::uint64_t count_ = 1;
  std::uint32_t first_ = 0;  ///< host byte order; 0: the kernel chooses
};

class Connector {
 public:
  Connector(const echo::Endpoint& target, const Sources& sources)
      : target_(target), sources_(sources) {}
  /// Begins connection `index`: non-blocking, TCP_NODELAY.
  [[nodiscard]] Attempt begin(std::uint64_t index) const;
  [[nodiscard]] const echo::Endpoint& target() const { return target_; }
  [[nodiscard]] const Sources& sources() const { return sources_; }

 private:
  echo::Endpoint target_;
  Sources sources_;
};

/// Connection 0, opened alone: it settles which of a name's addresses answers, and waits for a
/// server that was started a moment ago.
struct FirstConnection {
  Attempt attempt;
  std::size_t address = 0;  ///< index into the candidates: the one that answered, else the first
  std::chrono::steady_clock::time_point begun;
};

/// Tries `connectors` in turn; on ECONNREFUSED from all, again for up to `patience`. A candidate
/// that answers neither way within 300 ms is taken as it is, its connect still under way.
FirstConnection open_first(const std::vector<Connector>& connectors,
                           std::chrono::milliseconds patience, const echo::Stop& stop);

/// Whether nobody listens at the target any more: one probe connect, refused.
bool nobody_listens(const Connector& connector);

}  // namespace client
