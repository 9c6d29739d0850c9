// Opens connections: chooses target and source addresses, and opens the first connection alone.
//
// A connect() needs a local port, and there are ~28,000 per (source, destination, destination
// port). On loopback all of 127/8 is local, so sources come from there, so many that most of each
// range stays free (Sources::part_used). Each run uses different sources because TIME_WAIT holds
// the ports of the last run for a minute. IP_BIND_ADDRESS_NO_PORT
// (https://man7.org/linux/man-pages/man7/ip.7.html) lets connect() choose the port: a plain bind()
// to a source reserves the port for all destinations.
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

/// A connect that was started: in progress if `error` is 0, otherwise failed with that errno.
struct Attempt {
  echo::Descriptor socket;
  int error = 0;
};

/// Consecutive addresses.
struct AddressRange {
  echo::Endpoint first;
  std::uint64_t count = 1;
};
/// Parses "127.0.1.1", "127.1.0.0/16" or "::1". Throws std::invalid_argument; the message lists the
/// allowed forms.
AddressRange parse_source(std::string_view text);

/// The source addresses of connections.
class Sources {
 public:
  static constexpr std::uint64_t part_used = 32;

  /// The kernel chooses.
  Sources() = default;
  /// These, round-robin.
  explicit Sources(std::vector<AddressRange> ranges);
  /// For a loopback IPv4 target with `target_ports` ports: as many addresses of 127/8 as leave
  /// `connections` no more than one in `part_used` of each range of `ports`. connect(2) tries ports
  /// until it finds a free one, those of one parity first: with half of each range in use, a
  /// million connects took twice as long (docs/results/2026-12-01-million.md). For other targets
  /// the kernel chooses. `seed` selects the first address within 127/8; pass a different one in
  /// each run.
  static Sources enough(const echo::Endpoint& target, std::uint64_t connections,
                        std::uint64_t target_ports, limits::PortRange ports, std::uint64_t seed);

  /// Number of addresses in use; 1 where the kernel chooses.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Address `index` modulo count(); nullopt: the kernel chooses.
  [[nodiscard]] std::optional<echo::Endpoint> at(std::uint64_t index) const;

 private:
  std::vector<AddressRange> ranges_;
  std::uint64_t count_ = 1;
};

/// Options set on each socket before its connect.
struct SocketOptions {
  bool nodelay = true;
  bool keepalive = false;
  echo::SocketBuffers buffers;
};

class Connector {
 public:
  /// `targets`: one address with one or several ports. Connections rotate over the ports, then over
  /// the sources.
  Connector(std::vector<echo::Endpoint> targets, Sources sources, SocketOptions options = {})
      : targets_(std::move(targets)), sources_(std::move(sources)), options_(options) {}
  /// Starts the non-blocking connect of connection `index`.
  [[nodiscard]] Attempt begin(std::uint64_t index) const;
  /// The first target.
  [[nodiscard]] const echo::Endpoint& target() const { return targets_.front(); }
  [[nodiscard]] const std::vector<echo::Endpoint>& targets() const { return targets_; }
  [[nodiscard]] const Sources& sources() const { return sources_; }

 private:
  std::vector<echo::Endpoint> targets_;
  Sources sources_;
  SocketOptions options_;
};

/// Connection 0, opened alone. It determines which of a name's addresses answers, and waits for a
/// server that is still starting.
struct FirstConnection {
  Attempt attempt;
  std::size_t address = 0;  ///< index into the candidates: the one that answered, else the first
  std::chrono::steady_clock::time_point begun;
  std::optional<std::chrono::steady_clock::time_point> stood{};  ///< unset: in progress
};

/// Tries `connectors` in order. While the first one is refused (ECONNREFUSED) and no other answers,
/// repeats this for up to `patience`. A candidate that neither accepts nor refuses within 300 ms is
/// returned with its connect in progress.
FirstConnection open_first(const std::vector<Connector>& connectors,
                           std::chrono::milliseconds patience, const echo::Stop& stop);

/// True if a probe connect to each of the target's ports is refused. Takes at most 200 ms; false if
/// they were not enough for all ports.
bool nobody_listens(const Connector& connector);

}  // namespace client
