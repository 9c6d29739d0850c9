#include "echo_threads/in_service.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "echo_threads/blocking.hpp"
#include "echo_threads/door.hpp"

namespace echo_threads {

InService::InService(const server::Serving& serving, unsigned workers)
    : serving_(serving), workers_(workers), seats_(std::make_unique<Seat[]>(workers)) {}

void InService::serve(unsigned worker, echo::Descriptor connection, std::span<std::byte> buffer) {
  Seat& seat = seats_[worker];
  take_seat(seat, connection.get());
  // One that waited in a queue while the stop was forced has nothing to be served for.
  if (!cut()) echo_until_eof(connection.get(), buffer, serving_, worker);
  take_seat(seat, -1);  // before the number is free to be given away
  connection.reset();
  if (!cut()) serving_.counters.closed(worker);
}

void InService::take_seat(Seat& seat, int connection) {
  const std::lock_guard lock(seat.mutex);
  seat.connection = connection;
  // Either the stop finds the connection in its seat, or the connection finds the stop here.
  if (const int how = how_; connection >= 0 && how != open) ::shutdown(connection, how);
}

bool InService::cut() const {
  return how_ == SHUT_RDWR;
}

void InService::shut_down(int how) {
  how_ = how;
  for (unsigned i = 0; i < workers_; ++i) {
    const std::lock_guard lock(seats_[i].mutex);
    if (seats_[i].connection >= 0) ::shutdown(seats_[i].connection, how);
  }
}

StopWatch::StopWatch(const echo::Stop& stop, int listener, InService& in_service)
    : stop_(stop),
      listener_(listener),
      in_service_(in_service),
      done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!done_) throw std::system_error(errno, std::generic_category(), "eventfd");
  thread_ = std::thread([this] { watch(); });
}

StopWatch::~StopWatch() {
  ::eventfd_write(done_.get(), 1);
  thread_.join();
}

bool StopWatch::waits_for(int fd) const {
  pollfd entries[2] = {{fd, POLLIN, 0}, {done_.get(), POLLIN, 0}};
  while (::poll(entries, 2, -1) < 0 && errno == EINTR) {
  }
  return entries[1].revents == 0;
}

void StopWatch::watch() {
  if (!waits_for(stop_.drain_fd())) return;
  close_doors(listener_);
  // Forced at once, none is to finish: a drain before it would let some count as closed.
  if (!stop_.forced()) in_service_.shut_down(SHUT_RD);
  if (!waits_for(stop_.force_fd())) return;
  in_service_.shut_down(SHUT_RDWR);
}

}  // namespace echo_threads
