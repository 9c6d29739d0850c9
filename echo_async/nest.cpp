#include "echo_async/nest.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace echo_async {
namespace {

/// What is taken from the kernel at once: 6 KiB, and one call for so many round trips.
constexpr std::size_t batch = 512;
/// Full batches taken before Asio's timers and signs get a turn.
constexpr int batches_in_a_row = 16;
/// Reads of one connection in a row: a peer that streams without end must not keep the others out.
constexpr int reads_in_a_row = 64;

constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t usual_events = EPOLLIN | EPOLLRDHUP | EPOLLET;

int open_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

epoll_event event_for(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return event;
}

}  // namespace

Nest::Nest(const server::Serving& serving, unsigned worker)
    : serving_(serving),
      epoll_(io_.get_executor(), open_epoll()),
      stop_(asio::make_strand(io_), serving.stop),
      timer_(io_.get_executor()),
      ready_(batch),
      peers_(serving, worker) {}

void Nest::watch_source(int fd, std::function<void()> ready) {
  epoll_event event = event_for(fd, EPOLLIN);
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl of a source");
  }
  source_fd_ = fd;
  source_ready_ = std::move(ready);
}

void Nest::forget_source() {
  if (source_fd_ < 0) return;
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, source_fd_, nullptr);
  source_fd_ = -1;
}

void Nest::enter(echo::Descriptor socket) {
  const int fd = socket.get();
  epoll_event event = event_for(fd, usual_events);
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
    serving_.counters.shed(server::Shed::memory);  // ENOMEM, or ENOSPC: fs.epoll.max_user_watches
    return;
  }
  if (peers_.enter(std::move(socket)) != nullptr && draining_) ::shutdown(fd, SHUT_RD);
}

void Nest::run(std::function<void()> on_drain, std::function<bool()> source_is_dry) {
  on_drain_ = std::move(on_drain);
  source_is_dry_ = std::move(source_is_dry);
  stop_.wait([this] { drain(); }, [this] { cut(); });
  set_timer();
  wait();
  io_.run();
}

void Nest::wait() {
  epoll_.async_wait(Events::wait_read, [this](error_code error) {
    if (error || ended_) return;
    serve_what_is_ready();
    leave_when_empty();
    if (ended_) return;
    set_timer();
    wait();
  });
}

void Nest::serve_what_is_ready() {
  for (int turn = 0; turn < batches_in_a_row; ++turn) {
    const int count =
        ::epoll_wait(epoll_.native_handle(), ready_.data(), static_cast<int>(ready_.size()), 0);
    if (count < 0) return;  // EINTR: wait() asks again
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = ready_[static_cast<std::size_t>(i)];
      if (event.data.fd == source_fd_) {
        source_ready_();
        continue;
      }
      Peer& peer = peers_[event.data.fd];
      if (peer.fd < 0) continue;
      const bool writable = (event.events & EPOLLOUT) != 0 && peer.kept;
      Dialogue& dialogue = peers_.dialogue();
      follow(peer, writable ? dialogue.on_writable(peer) : dialogue.on_readable(peer),
             (event.events & ended_events) != 0);
    }
    // That was all. What comes now is told by wait(), which looks at the list once more.
    if (static_cast<std::size_t>(count) < ready_.size()) return;
  }
}

void Nest::follow(Peer& peer, Next next, bool ended) {
  for (int reads = 0;; ++reads) {
    switch (next) {
      case Next::sleep:
        return;
      case Next::close:
        return peers_.leave(peer);
      case Next::write:  // seldom: the socket's buffer is full
        return watch_again(peer, usual_events | EPOLLOUT);
      case Next::read:
        if (!ended) return;
        break;
      case Next::again:
        break;
    }
    if (reads == reads_in_a_row) return watch_again(peer, usual_events);
    next = peers_.dialogue().on_readable(peer);
  }
}

/// Modifying an edge-triggered entry tells anew of what is ready already, the peer's end included.
void Nest::watch_again(const Peer& peer, std::uint32_t events) {
  epoll_event event = event_for(peer.fd, events);
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, peer.fd, &event);
}

void Nest::set_timer() {
  const auto due = peers_.next_due();
  if (!due || (timer_set_to_ && *timer_set_to_ <= *due)) return;
  timer_set_to_ = due;
  timer_.expires_at(*due);  // cancels a later one
  timer_.async_wait([this](error_code error) {
    if (!error && !ended_) do_due();
  });
}

void Nest::do_due() {
  timer_set_to_.reset();
  peers_.do_due(Peers::Clock::now(), [this](Peer& peer, Next next) { follow(peer, next, false); });
  leave_when_empty();
  if (!ended_) set_timer();
}

void Nest::drain() {
  if (serving_.stop.forced()) return cut();
  draining_ = true;
  on_drain_();
  peers_.drain();
  leave_when_empty();
}

void Nest::cut() {
  ended_ = true;
  forget_source();
  io_.stop();  // what is open is closed, and counted open, as the nest goes
}

void Nest::leave_when_empty() {
  if (!draining_ || ended_ || peers_.count() > 0 || !source_is_dry_()) return;
  ended_ = true;
  stop_.forget();
  timer_.cancel();
  epoll_.cancel();
}

}  // namespace echo_async
