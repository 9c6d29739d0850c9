#include "echo_threads/pool/active_connections.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "echo_threads/accept/exclusive_acceptor.hpp"
#include "echo_threads/blocking.hpp"

namespace echo_threads {

ActiveConnections::ActiveConnections(const server::Serving& serving, unsigned workers)
    : serving_(serving), workers_(workers), slots_(std::make_unique<Slot[]>(workers)) {}

void ActiveConnections::serve(unsigned worker, echo::Descriptor connection,
                              std::span<std::byte> buffer) {
  Slot& slot = slots_[worker];
  set_slot(slot, connection.get());
  // A connection that waited in a queue while the stop was forced is not served.
  if (!forced()) echo_until_eof(connection.get(), buffer, serving_, worker);
  set_slot(slot, -1);  // before the descriptor's number can be reused
  connection.reset();
  if (!forced()) serving_.counters.closed(worker);
}

void ActiveConnections::set_slot(Slot& slot, int connection) {
  const std::lock_guard lock(slot.mutex);
  slot.connection = connection;
  // Either shut_down() finds the connection in its slot, or the stop is seen here.
  if (const int how = how_; connection >= 0 && how != open) ::shutdown(connection, how);
}

bool ActiveConnections::forced() const {
  return how_ == SHUT_RDWR;
}

void ActiveConnections::shut_down(int how) {
  how_ = how;
  for (unsigned i = 0; i < workers_; ++i) {
    const std::lock_guard lock(slots_[i].mutex);
    if (slots_[i].connection >= 0) ::shutdown(slots_[i].connection, how);
  }
}

StopWatcher::StopWatcher(const echo::Stop& stop, int listener, ActiveConnections& active)
    : stop_(stop),
      listener_(listener),
      active_(active),
      done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!done_) throw std::system_error(errno, std::generic_category(), "eventfd");
  thread_ = std::thread([this] { watch(); });
}

StopWatcher::~StopWatcher() {
  ::eventfd_write(done_.get(), 1);
  thread_.join();
}

bool StopWatcher::waits_for(int fd) const {
  pollfd entries[2] = {{fd, POLLIN, 0}, {done_.get(), POLLIN, 0}};
  while (::poll(entries, 2, -1) < 0) {
    if (errno != EINTR) echo::pause_after_failed_wait();
  }
  return entries[1].revents == 0;
}

void StopWatcher::watch() {
  if (!waits_for(stop_.drain_fd())) return;
  stop_listening(listener_);
  // A stop that is forced without a drain lets no connection finish: a SHUT_RD first would let some
  // count as closed.
  if (!stop_.forced()) active_.shut_down(SHUT_RD);
  if (!waits_for(stop_.force_fd())) return;
  active_.shut_down(SHUT_RDWR);
}

}  // namespace echo_threads
