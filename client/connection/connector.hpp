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
#include <string_view>
#include <utility>
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

/// Addresses that follow each other.
struct AddressRange {
  echo::Endpoint first;
  std::uint64_t count = 1;
};
/// "127.0.1.1", "127.1.0.0/16", "::1". Throws std::invalid_argument that says what is allowed.
AddressRange parse_source(std::string_view text);

/// Where connections come from.
class Sources {
 public:
  /// The kernel chooses.
  Sources() = default;
  /// These, in turn.
  explicit Sources(std::vector<AddressRange> ranges);
  /// As many of 127/8 as keep each range of `ports` under half full with `connections`, to
  /// `target_ports` ports of a loopback IPv4 target; the kernel's choice elsewhere. `seed` chooses
  /// where in 127/8 to begin; pass a different one in each run.
  static Sources enough(const echo::Endpoint& target, std::uint64_t connections,
                        std::uint64_t target_ports, limits::PortRange ports, std::uint64_t seed);

  /// How many addresses are used; 1 where the kernel chooses.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The `index`-th, over and over; nullopt: leave it to the kernel.
  [[nodiscard]] std::optional<echo::Endpoint> at(std::uint64_t index) const;

 private:
  std::vector<AddressRange> ranges_;
  std::uint64_t count_ = 1;
};

/// What each socket is set to before its connect.
struct SocketOptions {
  bool nodelay = true;
  bool keepalive = false;
  echo::SocketBuffers buffers;
};

class Connector {
 public:
  /// `targets`: one address, one or several ports. Connections take turns over the ports, then over
  /// the sources.
  Connector(std::vector<echo::Endpoint> targets, Sources sources, SocketOptions options = {})
      : targets_(std::move(targets)), sources_(std::move(sources)), options_(options) {}
  /// Begins connection `index`, non-blocking.
  [[nodiscard]] Attempt begin(std::uint64_t index) const;
  /// The first of them.
  [[nodiscard]] const echo::Endpoint& target() const { return targets_.front(); }
  [[nodiscard]] const std::vector<echo::Endpoint>& targets() const { return targets_; }
  [[nodiscard]] const Sources& sources() const { return sources_; }

 private:
  std::vector<echo::Endpoint> targets_;
  Sources sources_;
  SocketOptions options_;
};

/// Connection 0, opened alone: it settles which of a name's addresses answers, and waits for a
/// server that was started a moment ago.
struct FirstConnection {
  Attempt attempt;
  std::size_t address = 0;  ///< index into the candidates: the one that answered, else the first
  std::chrono::steady_clock::time_point begun;
  std::optional<std::chrono::steady_clock::time_point> stood{};  ///< unset: still under way
};

/// Tries `connectors` in turn; on ECONNREFUSED from all, again for up to `patience`. A candidate
/// that answers neither way within 300 ms is taken as it is, its connect still under way.
FirstConnection open_first(const std::vector<Connector>& connectors,
                           std::chrono::milliseconds patience, const echo::Stop& stop);

/// Whether nobody listens at any of the target's ports: a probe connect to each, refused.
bool nobody_listens(const Connector& connector);

}  // namespace client
