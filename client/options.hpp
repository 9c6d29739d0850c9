// The client's command line, parsed and checked.
#pragma once

#include <CLI/App.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "echo/socket.hpp"

namespace client {

/// What any longer wait is taken for: sums of several must fit 64 bits of nanoseconds.
inline constexpr std::chrono::hours longest_wait{24 * 365};
inline std::chrono::nanoseconds bounded(std::chrono::nanoseconds wait) {
  return std::min<std::chrono::nanoseconds>(wait, longest_wait);
}

enum class ShowProgress { when_terminal, always, never };

struct Options {
  echo::HostPort target{"localhost", 1234};
  std::uint64_t connections = 100;
  std::uint64_t messages = 1;
  std::uint64_t size = 64;
  std::string data;  ///< empty: bytes unique to connection and message
  double rate = 0;   ///< messages/s in all; 0: a burst
  std::chrono::nanoseconds idle{0};
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{5};
  std::chrono::nanoseconds timeout = std::chrono::seconds{10};
  std::optional<std::chrono::nanoseconds> deadline;
  std::optional<pid_t> server_pid;
  std::vector<std::string> allow_remote;  ///< CIDRs
  std::string json;
  bool quiet = false;
  ShowProgress progress = ShowProgress::when_terminal;

  /// The deadline in force: given, or derived from the plan so that only a hang reaches it.
  [[nodiscard]] std::chrono::nanoseconds effective_deadline() const;
};

/// Declares the options on `app`; they are filled in by its parse().
void declare(CLI::App& app, Options& options);

/// argv with the ancestor's spellings made ours: -host H, -data D, -n=10. CLI11 would take -host
/// for help and -data for -d ata.
std::vector<std::string> modernised(int argc, const char* const* argv);

/// Whether `endpoint` lies in one of `cidrs` ("10.0.0.0/8", "fd00::/8"). Throws
/// std::invalid_argument for one that is none.
bool lies_in(const echo::Endpoint& endpoint, const std::vector<std::string>& cidrs);

}  // namespace client
