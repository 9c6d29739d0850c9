// Writes to a descriptor, and never waits longer for its reader than the caller allows.
//
// A pipe whose reader is stopped, or a terminal after Ctrl-S, blocks write(2) for ever. O_NONBLOCK
// belongs to the open file description, which stdout and stderr share with the shell: to set it
// there would break the shell's own writes. A pipe or a terminal is therefore opened anew through
// /proc/self/fd, which makes a description of its own. Where that is refused, poll(2) comes before
// each write of at most PIPE_BUF bytes, which a pipe that polls writable takes whole.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "echo/descriptor.hpp"

namespace echo {

/// How long a write may wait for a reader.
struct Patience {
  std::chrono::nanoseconds idle;   ///< in which the reader takes nothing
  std::chrono::nanoseconds total;  ///< for the whole text
  int stop_fd = -1;                ///< readable: the wait ends at once
};

inline constexpr Patience endless{std::chrono::nanoseconds::max(), std::chrono::nanoseconds::max()};

class Writer {
 public:
  /// Writes to `fd`, which others may share and which stays open.
  static Writer to_shared(int fd);
  /// Writes to a descriptor that was opened with O_NONBLOCK, and owns it.
  static Writer to_own(Descriptor fd);

  /// Writes what fits without waiting. Returns the number of bytes, or -1 with errno; EAGAIN: none
  /// fitted.
  ssize_t write_some(std::string_view text);
  /// Writes all of `text`; otherwise false, with errno. ETIMEDOUT: the reader took too little;
  /// ECANCELED: `stop_fd` became readable during a wait.
  bool write_all(std::string_view text, const Patience& patience);

 private:
  enum class Kind {
    plain,   ///< a file, or a description of its own: write(2) does not wait for a reader
    socket,  ///< send(2) with MSG_DONTWAIT
    polled,  ///< a shared pipe or terminal that cannot be opened anew
  };
  Writer(int fd, Kind kind, Descriptor own) : fd_(fd), kind_(kind), own_(std::move(own)) {}

  int fd_;
  Kind kind_;
  Descriptor own_;
};

/// Throws Exit: "write NAME: why", from the errno of a failed write. The code is exit_internal, or
/// exit_signal where a signal ended the wait.
[[noreturn]] void fail_to_write(const std::string& name, int error);
/// Writes all of `text` to stdout, however long its reader takes: for programs and requests that a
/// signal ends by its default action. Throws the Exit of fail_to_write().
void write_text(std::string_view text);

}  // namespace echo
