#include "client/connection/address_check.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "echo/descriptor.hpp"
#include "echo/exit_code.hpp"

namespace client {
namespace {

/// A bind takes about a microsecond. Networks as large as this are local as a whole or not at all
/// (`ip route add local 10.0.0.0/8 dev lo`).
constexpr std::uint64_t most_tried = 4'096;

/// "" if a route leads to `target`, otherwise why it cannot be used.
std::string fault_of(const echo::Endpoint& target) {
  const echo::Descriptor socket{::socket(target.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const bool v6 = target.family() == AF_INET6;
  const char* family = v6 ? "IPv6" : "IPv4";
  if (!socket && errno == EAFNOSUPPORT)
    return target.host_text() + ": this machine has no " + family;
  // Other errors are left to the connects themselves, which count them by name.
  if (!socket || ::connect(socket.get(), target.data(), target.size()) == 0) return "";
  if (errno != EADDRNOTAVAIL) return "";
  if (v6 && target.is_loopback()) {
    return target.host_text() +
           ": not an address of this machine, IPv6 is switched off "
           "(net.ipv6.conf.lo.disable_ipv6) or lo has no ::1; use 127.0.0.1";
  }
  return target.host_text() + ": this machine has no " + family +
         " address to connect from (`ip address` lists them)";
}

void refuse_unless_local(const echo::Endpoint& source) {
  const echo::Descriptor socket{::socket(source.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket || ::bind(socket.get(), source.data(), source.size()) == 0) return;
  if (errno != EADDRNOTAVAIL && errno != EINVAL) return;
  throw echo::Exit(echo::exit_usage,
                   "--source: " + source.host_text() +
                       " is not an address of this machine (`ip address` lists them)");
}

}  // namespace

std::vector<echo::Endpoint> usable_targets(const std::vector<echo::Endpoint>& targets) {
  std::vector<echo::Endpoint> usable;
  std::string fault;
  for (const echo::Endpoint& target : targets) {
    const std::string found = fault_of(target);
    if (found.empty()) {
      usable.push_back(target);
    } else if (fault.empty()) {
      fault = found;
    }
  }
  if (usable.empty()) throw echo::Exit(echo::exit_network, "connect to " + fault);
  return usable;
}

std::vector<echo::Endpoint> targets_of_sources(const std::vector<echo::Endpoint>& targets,
                                               const std::vector<AddressRange>& ranges) {
  if (ranges.empty()) return targets;
  const int family = ranges.front().first.family();
  for (const AddressRange& range : ranges) {
    if (range.first.family() != family)
      throw echo::Exit(echo::exit_usage, "--source: addresses of IPv4 or of IPv6, not of both");
  }
  std::vector<echo::Endpoint> of_family;
  std::copy_if(targets.begin(), targets.end(), std::back_inserter(of_family),
               [family](const echo::Endpoint& target) { return target.family() == family; });
  if (of_family.empty()) {
    throw echo::Exit(echo::exit_usage,
                     fmt::format("--source: {} cannot reach {}, which is of the "
                                 "other address family",
                                 ranges.front().first.host_text(), targets.front().host_text()));
  }
  const Sources sources{ranges};
  const std::uint64_t tried = std::min(sources.count(), most_tried);
  for (std::uint64_t i = 0; i < tried; ++i) refuse_unless_local(*sources.at(i));
  refuse_unless_local(*sources.at(sources.count() - 1));
  return of_family;
}

}  // namespace client
