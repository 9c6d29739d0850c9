// Whether this machine can use the addresses of a run, checked before any traffic.
//
// connect(2) reports three different causes as EADDRNOTAVAIL: a source address that is not this
// machine's, a target in a family without an address here (IPv6 switched off), and a range of local
// ports that is used up. Only the last one is a limit that the run may reach; the others are found
// here. Nothing is sent: a bind(2) to port 0, and a connect(2) of a datagram socket, which only
// looks up the route (https://man7.org/linux/man-pages/man7/udp.7.html).
#pragma once

#include <vector>

#include "client/connection/connector.hpp"
#include "echo/socket.hpp"

namespace client {

/// Those of `targets` that this machine can connect to, in their order. Throws
/// echo::Exit(exit_network) with the cause if it is none of them.
std::vector<echo::Endpoint> usable_targets(const std::vector<echo::Endpoint>& targets);

/// Those of `targets` in the family of `sources`; all without sources. Throws
/// echo::Exit(exit_usage) for sources of both families, for targets of the other family only, and
/// for a source that is not this machine's. Of many sources only some thousand are tried.
std::vector<echo::Endpoint> targets_of_sources(const std::vector<echo::Endpoint>& targets,
                                               const std::vector<AddressRange>& sources);

}  // namespace client
