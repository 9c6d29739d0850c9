#include "echo_async/epoll/nested_epoll.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "echo/stop.hpp"
#include "echo_async/asio/out_of_memory.hpp"

namespace echo_async {
namespace {

/// Events per epoll_wait(2): 6 KiB, and one call for as many round trips.
constexpr std::size_t batch = 512;
/// Full batches taken before Asio's timers and stop events have their turn.
constexpr int batches_in_a_row = 16;
/// While so many are served, others usually come: looking again takes one call, waiting for them
/// three. With --work each may take long, so this ends soon.
constexpr int busy_batch = 4;
constexpr int events_in_a_row = 64;
/// Reads of one connection in a row: a peer that sends without end must not block other
/// connections.
constexpr int reads_in_a_row = 64;

constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t usual_events = EPOLLIN | EPOLLRDHUP | EPOLLET;

/// Opens the epoll and lets Asio watch it.
void open(asio::posix::basic_stream_descriptor<Executor>& epoll) {
  echo::Descriptor fd{::epoll_create1(EPOLL_CLOEXEC)};
  if (!fd) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  error_code error;
  epoll.assign(fd.get(), error);
  if (error) throw std::system_error(error, "epoll_ctl of the nested epoll");
  [[maybe_unused]] const int owned = fd.release();
}

epoll_event event_for(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return event;
}

}  // namespace

NestedEpoll::NestedEpoll(const server::Serving& serving, unsigned worker)
    : serving_(serving),
      epoll_(io_.get_executor()),
      stop_(asio::make_strand(io_), serving.stop),
      timer_(io_.get_executor()),
      ready_(batch),
      connections_(serving, worker) {
  open(epoll_);
}

void NestedEpoll::watch_source(int fd, std::function<void()> ready) {
  epoll_event event = event_for(fd, EPOLLIN);
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl of a source");
  }
  source_fd_ = fd;
  source_ready_ = std::move(ready);
}

void NestedEpoll::unwatch_source() {
  if (source_fd_ < 0) return;
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, source_fd_, nullptr);
  source_fd_ = -1;
  source_muted_until_.reset();
}

/// The source stays in the epoll: adding it again could fail where the watches of
/// fs.epoll.max_user_watches are used up.
bool NestedEpoll::watch_source_for(std::uint32_t events) {
  epoll_event event = event_for(source_fd_, events);
  return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, source_fd_, &event) == 0;
}

void NestedEpoll::mute_source_until(Time when) {
  watch_source_for(0);
  source_muted_until_ = when;
}

void NestedEpoll::unmute_source() {
  if (watch_source_for(EPOLLIN)) {
    source_muted_until_.reset();
    source_ready_();
  } else {
    source_muted_until_ = ConnectionTable::Clock::now() + std::chrono::milliseconds{500};
  }
}

void NestedEpoll::add(echo::Descriptor socket) {
  const int fd = socket.get();
  epoll_event event = event_for(fd, usual_events);
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
    serving_.counters.shed(errno == ENOSPC ? server::Shed::epoll_watches : server::Shed::memory);
    return;
  }
  if (connections_.add(std::move(socket)) != nullptr && draining_) ::shutdown(fd, SHUT_RD);
}

void NestedEpoll::run(std::function<void()> on_drain, std::function<bool()> source_is_exhausted) {
  on_drain_ = std::move(on_drain);
  source_is_exhausted_ = std::move(source_is_exhausted);
  stop_.wait([this] { drain(); }, [this] { force_stop(); });
  begin_again();
  run_until_done(io_, [this] { begin_again(); });
}

void NestedEpoll::begin_again() {
  if (ended_) return;
  stop_.begin_again();
  if (!waits_) wait();
  set_timer();
}

void NestedEpoll::wait() {
  epoll_.async_wait(Events::wait_read, [this](error_code error) {
    waits_ = false;
    if (error || ended_) return;
    serve_ready();
    stop_when_empty();
    if (ended_) return;
    set_timer();
    wait();
  });
  waits_ = true;
}

void NestedEpoll::serve_ready() {
  int served = 0;  // in batches that were not full
  for (int taken = 0; taken < batches_in_a_row; ++taken) {
    const int count =
        ::epoll_wait(epoll_.native_handle(), ready_.data(), static_cast<int>(ready_.size()), 0);
    if (count < 0) {  // wait() repeats the call
      if (errno != EINTR) echo::pause_after_failed_wait();
      return;
    }
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = ready_[static_cast<std::size_t>(i)];
      if (event.data.fd == source_fd_) {
        source_ready_();
        continue;
      }
      Connection& connection = connections_[event.data.fd];
      if (connection.fd < 0) continue;
      const bool writable = (event.events & EPOLLOUT) != 0 && connection.pending() != nullptr;
      NonblockingExchange& exchange = connections_.exchange();
      apply(connection,
            writable ? exchange.on_writable(connection) : exchange.on_readable(connection),
            (event.events & ended_events) != 0);
    }
    if (static_cast<std::size_t>(count) == ready_.size()) continue;
    // wait() checks the ready list again, and so reports what comes now.
    served += count;
    if (count < busy_batch || served >= events_in_a_row) return;
  }
}

void NestedEpoll::apply(Connection& connection, WaitFor next, bool ended) {
  for (int reads = 0;; ++reads) {
    if (next == WaitFor::read && !ended) return;  // nearly always
    switch (next) {
      case WaitFor::sleep:
        return;
      case WaitFor::eof:
        return connections_.end(connection);
      case WaitFor::finish:
        return connections_.finish(connection);
      case WaitFor::close:
        return connections_.remove(connection);
      case WaitFor::write:  // rare: the socket's buffer is full
        // Once per reply: each rearm() reports what the peer has sent meanwhile, which is not read
        // before the reply is out, and so would be reported again and again.
        if (!std::exchange(connection.pending()->watched, true)) {
          rearm(connection, usual_events | EPOLLOUT);
        }
        return;
      case WaitFor::read:
      case WaitFor::again:
        break;
    }
    if (reads == reads_in_a_row) return rearm(connection, usual_events);
    next = connections_.exchange().on_readable(connection);
  }
}

/// Modifying an edge-triggered entry makes the kernel report again what is already ready, including
/// the end of the peer's stream.
void NestedEpoll::rearm(Connection& connection, std::uint32_t events) {
  epoll_event event = event_for(connection.fd, events);
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, connection.fd, &event) == 0) return;
  serving_.counters.shed(server::Shed::memory);  // without an event it would wait for ever
  connections_.remove(connection);
}

std::optional<NestedEpoll::Time> NestedEpoll::next_due() const {
  const auto due = connections_.next_due();
  if (!due || !source_muted_until_) return due ? due : source_muted_until_;
  return std::min(*due, *source_muted_until_);
}

void NestedEpoll::set_timer() {
  const auto due = next_due();
  if (!due || (timer_set_to_ && *timer_set_to_ <= *due)) return;
  timer_set_to_.reset();
  timer_.expires_at(*due);  // cancels the wait for a later time
  timer_.async_wait([this](error_code error) {
    if (!error && !ended_) handle_due();
  });
  timer_set_to_ = due;
}

void NestedEpoll::handle_due() {
  timer_set_to_.reset();
  const auto now = ConnectionTable::Clock::now();
  if (source_muted_until_ && *source_muted_until_ <= now) unmute_source();
  connections_.handle_due(
      now, [this](Connection& connection, WaitFor next) { apply(connection, next, draining_); });
  stop_when_empty();
  if (!ended_) set_timer();
}

void NestedEpoll::drain() {
  if (serving_.stop.forced()) return force_stop();
  draining_ = true;
  on_drain_();
  connections_.drain();
  stop_when_empty();
}

void NestedEpoll::force_stop() {
  ended_ = true;
  unwatch_source();
  io_.stop();  // open connections are closed with the loop, and counted as open
}

void NestedEpoll::stop_when_empty() {
  if (!draining_ || ended_ || connections_.count() > 0 || !source_is_exhausted_()) return;
  ended_ = true;
  stop_.cancel();
  timer_.cancel();
  epoll_.cancel();
}

}  // namespace echo_async
