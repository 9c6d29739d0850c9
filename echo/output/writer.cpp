#include "echo/output/writer.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "echo/exit_code.hpp"

namespace echo {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// A description of its own of the pipe or terminal `fd`; empty if that is refused.
Descriptor open_anew(int fd, const struct stat& shared) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return Descriptor{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  Descriptor own{::open(link.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  struct stat opened {};
  const bool same = own && ::fstat(own.get(), &opened) == 0 && opened.st_dev == shared.st_dev &&
                    opened.st_ino == shared.st_ino;
  return same ? std::move(own) : Descriptor{};
}

Clock::time_point after(Clock::time_point now, nanoseconds wait) {
  return wait < Clock::time_point::max() - now ? now + wait : Clock::time_point::max();
}

/// Waits until `fd` may be writable; otherwise false, with errno.
bool wait_for_room(int fd, Clock::time_point until, int stop_fd) {
  // A terminal may poll writable and still take nothing, so the wait is never shorter than this.
  constexpr int pause_ms = 5;
  constexpr int longest_ms = 60'000;
  const Clock::time_point now = Clock::now();
  if (now >= until) return errno = ETIMEDOUT, false;
  int wait_ms = longest_ms;
  if (until != Clock::time_point::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
    wait_ms = static_cast<int>(std::min<std::int64_t>(left, longest_ms));
  }
  pollfd stop{stop_fd, POLLIN, 0};
  if (::poll(&stop, 1, std::min(pause_ms, wait_ms)) > 0) return errno = ECANCELED, false;
  pollfd entries[2] = {{fd, POLLOUT, 0}, {stop_fd, POLLIN, 0}};
  if (::poll(entries, 2, wait_ms) < 0 && errno != EINTR && errno != ENOMEM) return false;
  if (entries[1].revents != 0) return errno = ECANCELED, false;
  return true;
}

}  // namespace

Writer Writer::to_shared(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return {fd, Kind::plain, Descriptor{}};  // its writes fail
  if (S_ISSOCK(status.st_mode)) return {fd, Kind::socket, Descriptor{}};
  if (!S_ISFIFO(status.st_mode) && ::isatty(fd) == 0) return {fd, Kind::plain, Descriptor{}};
  Descriptor own = open_anew(fd, status);
  if (!own) return {fd, Kind::polled, Descriptor{}};
  const int number = own.get();
  return {number, Kind::plain, std::move(own)};
}

Writer Writer::to_own(Descriptor fd) {
  const int number = fd.get();
  return {number, Kind::plain, std::move(fd)};
}

ssize_t Writer::write_some(std::string_view text) {
  for (;;) {
    ssize_t written = 0;
    if (kind_ == Kind::socket) {
      written = ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (kind_ == Kind::polled) {
      pollfd entry{fd_, POLLOUT, 0};
      if (::poll(&entry, 1, 0) == 0) return errno = EAGAIN, -1;
      written = ::write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    } else {
      written = ::write(fd_, text.data(), text.size());
    }
    if (written >= 0 || errno != EINTR) return written;
  }
}

bool Writer::write_all(std::string_view text, const Patience& patience) {
  const Clock::time_point end = after(Clock::now(), patience.total);
  Clock::time_point idle_end = after(Clock::now(), patience.idle);
  while (!text.empty()) {
    const ssize_t written = write_some(text);
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      idle_end = after(Clock::now(), patience.idle);
      continue;
    }
    if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return false;
    if (!wait_for_room(fd_, std::min(end, idle_end), patience.stop_fd)) return false;
  }
  return true;
}

void fail_to_write(const std::string& name, int error) {
  std::string why = std::strerror(error);
  if (error == ETIMEDOUT) why = "its reader took too little";
  if (error == ECANCELED) why = "a signal ended the wait for its reader";
  throw Exit(error == ECANCELED ? exit_signal : exit_internal, "write " + name + ": " + why);
}

void write_text(std::string_view text) {
  if (!Writer::to_shared(STDOUT_FILENO).write_all(text, endless)) fail_to_write("stdout", errno);
}

}  // namespace echo
