// Runs a built program as a shell would: its arguments, both outputs, the exit code. The program is
// killed if it takes too long or when the test ends.
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

/// Where the program's stdout goes: to the test, to /dev/full, or nowhere.
enum class Stdout { read, full, closed };

class Process {
 public:
  /// Runs TESTBED_BIN_DIR/words[0]. `prepare` runs in the child before exec: limits, signals.
  explicit Process(std::vector<std::string> words, Stdout out = Stdout::read,
                   const std::function<void()>& prepare = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  /// Has no effect after wait().
  void signal(int number) const;
  /// Sends SIGSTOP and waits until the program is stopped.
  void stop() const;
  /// Whether the program has ended, or does so within this time. wait() still has to be called.
  [[nodiscard]] bool ends_within(int milliseconds) const;
  /// The next line on stderr, without its newline; "" if there is none.
  std::string next_error_line();
  /// Reads both outputs to their ends and waits for the program. Kills it after 30 seconds.
  Ended wait();

 private:
  pid_t pid_ = -1;
  echo::Descriptor out_, err_;
  std::string err_seen_;
  std::size_t err_taken_ = 0;
};

/// Runs a program that ends on its own.
Ended run(std::vector<std::string> words, Stdout out = Stdout::read,
          const std::function<void()>& prepare = {});

/// Makes the system call fail with `error` from now on, over exec too, as containers do: for
/// `prepare`.
void forbid(unsigned call, unsigned error);

/// Lets a descriptor table hold 256: for `prepare`.
void allow_few_descriptors();

/// A server that listens on a free port of loopback.
class RunningServer {
 public:
  explicit RunningServer(std::vector<std::string> words, Stdout out = Stdout::read,
                         const std::function<void()>& prepare = {});
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// A connection on which nothing has been sent.
  [[nodiscard]] echo::Descriptor connect_only() const { return open(0); }
  /// A connection on which one byte has been echoed.
  [[nodiscard]] echo::Descriptor connect() const;
  /// A connection that is not read, so that no drain can end it. Sends until all buffers are full.
  [[nodiscard]] echo::Descriptor connect_and_never_read() const;
  /// Whether it stops listening within 30 seconds, as it does on a signal.
  [[nodiscard]] bool drains() const;
  Process& process() { return process_; }

 private:
  /// A connected socket, or an empty one if refused. `receive_buffer` 0: the default size.
  [[nodiscard]] echo::Descriptor open(int receive_buffer) const;
  static bool echoes_one_byte(int fd);

  Process process_;
  std::uint16_t port_ = 0;
};

}  // namespace programs
