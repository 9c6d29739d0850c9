// The exit codes, the same for all four programs, with and without --json.
#pragma once

#include <span>
#include <stdexcept>
#include <string_view>

namespace echo {

enum ExitCode : int {
  exit_pass = 0,
  exit_fail = 1,      ///< finished, with failures, a shortfall or a missed objective
  exit_usage = 2,     ///< the command line
  exit_refused = 3,   ///< the preflight or the kernel refuses
  exit_network = 4,   ///< cannot bind; nothing could connect
  exit_deadline = 5,  ///< the whole run took too long
  exit_safety = 6,    ///< outside loopback without permission
  exit_internal = 7,  ///< internal or output error
  exit_signal = 128   ///< plus the signal: 129, 130, 143
};

/// An exit code and its meaning, for --describe.
struct ExitMeaning {
  int code;
  std::string_view meaning;
};
/// Every exit code of the programs, ascending.
std::span<const ExitMeaning> exit_meanings();

/// Ends the program with `code` and prints one line on stderr.
class Exit : public std::runtime_error {
 public:
  Exit(int code, const std::string& line) : std::runtime_error(line), code_(code) {}
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_;
};

/// The only place that turns exceptions into a line on stderr and an exit code. main() calls it.
int guarded_main(const char* program, int (*body)(int, char**), int argc, char** argv);

}  // namespace echo
