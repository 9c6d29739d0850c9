// The one line to type that lifts a limit.
//
// A message that names a limit without the way past it costs a search; one with a command that
// fails costs more. So each depends on who asks: root, a user with sudo, or root in a container,
// where only the outside can raise a hard limit. An empty text: nothing lifts it that far.
#pragma once

#include <cstdint>
#include <string>

#include "limits/demand.hpp"
#include "limits/kernel.hpp"

namespace limits {

struct Lift {
  bool root = true;                        ///< uid 0; else machine-wide commands go through sudo
  bool can_raise_hard = false;             ///< CAP_SYS_RESOURCE
  std::uint64_t ancestors_open_files = 0;  ///< highest hard RLIMIT_NOFILE above us; 0: not known

  /// `needed` is the value the limit must have in the end; bytes for the two sizes.
  [[nodiscard]] std::string open_files(std::uint64_t needed, std::uint64_t hard) const;
  [[nodiscard]] std::string processes(std::uint64_t needed, std::uint64_t hard) const;
  [[nodiscard]] std::string address_space(std::uint64_t needed, std::uint64_t hard) const;
  [[nodiscard]] std::string data(std::uint64_t needed, std::uint64_t hard) const;

  /// A limit per process: the exact figure.
  [[nodiscard]] std::string sysctl(const std::string& name, std::uint64_t needed) const;
  /// A limit that the whole machine shares: a sixteenth to spare, in round thousands.
  [[nodiscard]] std::string shared_sysctl(const std::string& name, std::uint64_t needed) const;
  /// A control group's file; likewise with a sixteenth to spare.
  [[nodiscard]] std::string write(std::uint64_t needed, const std::string& path) const;

  /// A wider port range where that is enough, else more source addresses.
  [[nodiscard]] std::string ports(const Demand& client, const PortRange& range) const;
  /// Whichever of the two is too small.
  [[nodiscard]] std::string backlog(std::uint64_t needed, std::uint64_t backlog,
                                    std::uint64_t somaxconn) const;
};

}  // namespace limits
