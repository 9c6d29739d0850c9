#include "echo_async/asio/stop_events.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

#include "echo/descriptor.hpp"

namespace echo_async {

/// Watches a duplicate, because Asio closes the descriptors that it is given.
void StopEvents::watch(Descriptor& event, int fd) {
  echo::Descriptor copy{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
  if (!copy) throw std::system_error(errno, std::generic_category(), "dup of the stop descriptor");
  error_code error;
  event.assign(copy.get(), error);
  if (error) throw std::system_error(error, "epoll_ctl of the stop descriptor");
  [[maybe_unused]] const int owned = copy.release();
}

}  // namespace echo_async
