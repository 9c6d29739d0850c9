// The server's sockets as the kernel lists them: its listeners, with what they dropped, and its
// established connections, also those of other clients.
//
// The counters of /proc/net/netstat belong to the whole network namespace: they do not tell the
// server's overflows from another's. sock_diag(7) reports each socket
// (https://man7.org/linux/man-pages/man7/sock_diag.7.html) without privilege and without the
// server's cooperation; `ss` uses it. The kernel selects by local port; a listing of 10,000
// connections takes some 10 ms, so it is never made within a measured window.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "echo/socket.hpp"

namespace client {

/// The listeners that a connect to the targets reaches, added up.
struct ListenerState {
  std::uint64_t drops = 0;    ///< connections that they dropped since they listen (sk_drops)
  std::uint64_t backlog = 0;  ///< listen(2)'s limit, of the smallest
};

class ServerSockets {
 public:
  /// `targets`: one address with consecutive ports. Other than loopback addresses are not looked
  /// at: their server may run on another machine.
  explicit ServerSockets(const std::vector<echo::Endpoint>& targets);

  /// nullopt where no listener is seen: netlink is refused, or it lies in another network
  /// namespace.
  [[nodiscard]] std::optional<ListenerState> listeners() const;
  /// Established connections of these listeners, of all clients; nullopt where no listener is seen.
  /// Stops at `most_listed`.
  [[nodiscard]] std::optional<std::uint64_t> established() const;

  /// A listing of more sockets takes too long.
  static constexpr std::uint64_t most_listed = 200'000;

 private:
  std::vector<echo::Endpoint> targets_;
};

}  // namespace client
