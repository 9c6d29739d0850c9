// The command that lifts a limit.
//
// An error that names a limit without a command costs the user a search; a command that fails costs
// more. The command therefore depends on the caller: root, a user with sudo, or root in a
// container, where a hard limit can only be raised from outside. An empty string: no command raises
// the limit that far.
#pragma once

#include <cstdint>
#include <string>

#include "limits/demand.hpp"
#include "limits/kernel.hpp"

namespace limits {

struct Lift {
  bool root = true;                        ///< uid 0; otherwise machine-wide commands use sudo
  bool can_raise_hard = false;             ///< CAP_SYS_RESOURCE
  std::uint64_t ancestors_open_files = 0;  ///< their highest hard RLIMIT_NOFILE; 0: unknown

  /// `needed` is the final value of the limit; for the two sizes it is in bytes.
  [[nodiscard]] std::string open_files(std::uint64_t needed, std::uint64_t hard) const;
  [[nodiscard]] std::string processes(std::uint64_t needed, std::uint64_t hard) const;
  [[nodiscard]] std::string address_space(std::uint64_t needed, std::uint64_t hard) const;
  [[nodiscard]] std::string data(std::uint64_t needed, std::uint64_t hard) const;

  /// A limit per process: the exact value.
  [[nodiscard]] std::string sysctl(const std::string& name, std::uint64_t needed) const;
  /// A limit shared by the whole machine: a sixteenth to spare, rounded up to thousands.
  [[nodiscard]] std::string shared_sysctl(const std::string& name, std::uint64_t needed) const;
  /// The three figures of net.ipv4.tcp_mem, of which the third is `needed` pages or more.
  [[nodiscard]] std::string tcp_pages(std::uint64_t needed) const;
  /// The file of a control group; also with a sixteenth to spare.
  [[nodiscard]] std::string write(std::uint64_t needed, const std::string& path) const;

  /// Removes the quota in `path`, cpu.max or cpu.cfs_quota_us.
  [[nodiscard]] std::string unlimit_cpu(const std::string& path) const;

  /// A wider port range if that is enough, else more source addresses.
  [[nodiscard]] std::string ports(const Demand& client, const PortRange& range) const;
  /// The command for whichever of `backlog` and `somaxconn` is too small.
  [[nodiscard]] std::string backlog(std::uint64_t needed, std::uint64_t backlog,
                                    std::uint64_t somaxconn) const;
};

}  // namespace limits
