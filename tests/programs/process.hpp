// A built program, run as a shell would: its words, its two outputs, its exit code. It is killed
// when it takes too long, or with the test.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "echo/descriptor.hpp"

namespace programs {

struct Ended {
  int code = -1;  ///< exit code, or 128 plus the signal that killed it
  std::string out, err;
};

/// What becomes of the program's stdout.
enum class Stdout { read, full, closed };

class Process {
 public:
  /// Runs TESTBED_BIN_DIR/words[0]. `prepare` runs in the child before exec: limits, signals.
  explicit Process(std::vector<std::string> words, Stdout out = Stdout::read,
                   const std::function<void()>& prepare = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  void signal(int number) const;
  /// The first line on stderr after those already taken, without its end; "" when there is none.
  std::string next_error_line();
  /// Reads both outputs to their ends and waits; kills the program after 30 seconds.
  Ended wait();

 private:
  pid_t pid_ = -1;
  echo::Descriptor out_, err_;
  std::string err_seen_;
  std::size_t err_taken_ = 0;
};

/// Runs a program that ends by itself.
Ended run(std::vector<std::string> words, Stdout out = Stdout::read,
          const std::function<void()>& prepare = {});

/// A server on a free port of loopback, listening, and its port.
class RunningServer {
 public:
  explicit RunningServer(std::vector<std::string> words, Stdout out = Stdout::read);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// A connection on which one byte has gone there and back.
  [[nodiscard]] echo::Descriptor connect() const;
  /// A connection whose peer does not read: no drain can end it. Sends until no more is taken.
  [[nodiscard]] echo::Descriptor connect_and_never_read() const;
  /// Whether it stops listening soon: it has seen the signal.
  [[nodiscard]] bool drains() const;
  Process& process() { return process_; }

 private:
  /// Connected, or empty when refused. `receive_buffer` 0: the usual size.
  [[nodiscard]] echo::Descriptor open(int receive_buffer) const;
  static bool echoes_one_byte(int fd);

  Process process_;
  std::uint16_t port_ = 0;
};

}  // namespace programs
