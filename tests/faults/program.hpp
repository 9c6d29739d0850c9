// One of the built programs, run as a child: its output, its exit code and its run time.
//
// Its output goes to files in memory, so nothing has to read it while it runs. It starts in a
// session (setsid) without a terminal, with empty input. A child that hangs is killed, which its
// exit code shows.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echo/descriptor.hpp"
#include "tests/faults/bounds.hpp"

namespace faults {

using Words = std::vector<std::string>;

struct Ended {
  int code = 0;  ///< exit code, or minus the number of the signal that killed it
  std::string out, err;
  nanoseconds took{};  ///< without time_away() at its end
  nanoseconds cpu{};   ///< user and system
};

/// For Setup: makes `descriptor` the descriptor `number` of the program that is started. dup2()
/// alone does nothing where it already has that number, and exec would close it.
void become(int descriptor, int number);

class Program {
 public:
  /// Run in the child between fork and exec: system calls only.
  using Setup = std::function<void()>;

  Program(const std::string& name, const Words& arguments, const Setup& setup = {});
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Sends SIGSTOP and waits until the program is stopped.
  void stop() const;
  /// Whether its stderr comes to contain `text`, within `patience`.
  [[nodiscard]] bool prints(std::string_view text) const;
  /// Its stderr so far.
  [[nodiscard]] std::string errors() const;
  /// Waits for its end.
  Ended end();

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  echo::Descriptor out_, err_;
  pid_t pid_ = -1;
};

/// An echo_threads on a free port of 127.0.0.1, listening when the constructor returns.
class Server {
 public:
  Server();
  [[nodiscard]] std::string target() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] Program& program() { return program_; }

 private:
  std::pair<echo::Descriptor, echo::Descriptor> pipe_;  ///< for --ready-fd: its port
  Program program_;
  std::uint16_t port_ = 0;
};

}  // namespace faults
