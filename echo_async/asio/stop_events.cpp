#include "echo_async/asio/stop_events.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

namespace echo_async {

int StopEvents::duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    throw std::system_error(errno, std::generic_category(), "dup of the stop descriptor");
  }
  return copy;
}

}  // namespace echo_async
