#include "echo_async/uring/ring_exchange.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <new>
#include <utility>

namespace echo_async {
namespace {

/// UnsentReplies kept for reuse: a stream of large messages allocates nothing.
constexpr std::size_t max_spare = 16;

}  // namespace

RingExchange::RingExchange(const server::Serving& serving, Ring& ring, unsigned ring_buffers)
    : serving_(serving),
      ring_(ring),
      buffers_(ring, ring_buffers, serving.options.buffer_size),
      clock_(serving.options.socket.idle_timeout, serving.protocol.shortest_timeout()),
      late_(serving.options.socket.idle_timeout, serving.counters) {
  if (clock_.runs()) next_scan_ = Clock::now() + clock_.period();
  spare_unsent_.reserve(max_spare);  // recycle() must not throw
}

template <typename Visit>
void RingExchange::for_each(Visit visit) {
  for (std::size_t fd = 0; fd < table_.size(); ++fd) {
    if (table_[fd].open) visit(table_[fd], static_cast<int>(fd));
  }
}

void RingExchange::add(echo::Descriptor socket) {
  const auto index = static_cast<std::size_t>(socket.get());
  try {
    if (index >= table_.size()) table_.resize(index + 1);
  } catch (const std::bad_alloc&) {
    return serving_.counters.shed(server::Shed::memory);
  }
  const int fd = socket.release();
  RingConnection& connection = at(fd);
  connection.open = true;
  connection.last = clock_.now();
  ++count_;
  serving_.counters.opened(0);
  if (draining_) ::shutdown(fd, SHUT_RD);
  receive(connection, fd);
}

void RingExchange::remove(RingConnection& connection, int fd) {
  const bool closed = connection.ended_by_protocol() && connection.after == protocol::After::close;
  if (!closed) server::discount_unsent(fd, serving_.counters, 0);
  if (draining_) late_.forget(fd);
  ::close(fd);
  connection = RingConnection{};
  --count_;
  if (!forced_) serving_.counters.closed(0);
}

void RingExchange::handle(const io_uring_cqe& done) {
  const int fd = Ring::descriptor_of(done);
  switch (Ring::op_of(done)) {
    case RingOp::receive:
      return on_received(at(fd), fd, done);
    case RingOp::send:
      return on_sent(at(fd), fd, done.res);
    default:
      // A cancel that found nothing to end came too late or too early: the next message repeats it.
      if (done.res < 0) at(fd).cancelling = false;
  }
}

void RingExchange::receive(RingConnection& connection, int fd) {
  io_uring_sqe* recv = ring_.request(RingOp::receive, fd);
  // One message at a time: no other may sleep meanwhile, or wait for the end of a conversation.
  if (serving_.work.sleeps() || !serving_.protocol.echoes()) {
    ::io_uring_prep_recv(recv, fd, nullptr, serving_.options.buffer_size, 0);
  } else {
    ::io_uring_prep_recv_multishot(recv, fd, nullptr, 0, 0);
  }
  recv->flags |= IOSQE_BUFFER_SELECT;
  recv->buf_group = BufferRing::group;
  connection.receiving = true;
}

void RingExchange::on_received(RingConnection& connection, int fd, const io_uring_cqe& done) {
  if ((done.flags & IORING_CQE_F_MORE) == 0) connection.receiving = connection.cancelling = false;
  if (done.res > 0) {
    connection.last = clock_.now();
    const auto message = buffers_.take(done);
    const auto buffer = BufferRing::number_of(done);
    if (!answer(connection, fd, message, buffer)) buffers_.give_back(buffer);
  } else if (done.res == 0) {
    connection.ended = true;
  } else if (done.res == -ENOBUFS) {
    await_buffer(connection, fd);
  } else if (done.res != -ECANCELED && done.res != -EINTR && done.res != -EAGAIN) {
    connection.ended = connection.failed = true;
  }
  proceed(connection, fd);
}

void RingExchange::await_buffer(RingConnection& connection, int fd) {
  try {
    starved_.push_back(fd);
    connection.starved = true;
  } catch (const std::bad_alloc&) {
    serving_.counters.shed(server::Shed::memory);
    fail(connection, fd);
  }
}

void RingExchange::send(RingConnection& connection, int fd, std::span<const std::byte> bytes,
                        int flags) {
  io_uring_sqe* sending = ring_.request(RingOp::send, fd);
  ::io_uring_prep_send(sending, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | flags);
  connection.sending = true;
}

void RingExchange::on_sent(RingConnection& connection, int fd, int result) {
  connection.sending = false;
  const auto sent = static_cast<std::size_t>(std::max(result, 0));
  if (sent > 0) connection.last = clock_.now();
  if (result < 0 && result != -EAGAIN && result != -EINTR) fail(connection, fd);
  std::uint64_t answered = 0;
  if (connection.buffer == RingConnection::no_buffer) {
    answered = connection.unsent->sent(sent);
  } else {
    if (sent == connection.reply_size) {
      answered = 1;
    } else if (!connection.failed) {
      try {
        const std::span reply(buffers_.buffer(connection.buffer), connection.reply_size);
        unsent_of(connection).add_first(reply.subspan(sent));
        stop_receiving(connection, fd);
      } catch (const std::bad_alloc&) {
        serving_.counters.shed(server::Shed::memory);
        fail(connection, fd);
      }
    }
    buffers_.give_back(std::exchange(connection.buffer, RingConnection::no_buffer));
  }
  if (sent > 0) serving_.counters.echoed(0, answered, sent);
  proceed(connection, fd);
}

void RingExchange::send_unsent(RingConnection& connection, int fd) {
  if (!connection.unsent || connection.sending || connection.sleeps || connection.failed) return;
  const auto bytes = connection.unsent->to_send();
  if (bytes.empty())
    recycle(std::move(connection.unsent));
  else
    send(connection, fd, bytes, 0);  // waits in the kernel until all or some are sent
}

/// Starts the next request of a connection on which one has completed, or removes the connection.
void RingExchange::proceed(RingConnection& connection, int fd) {
  do send_unsent(connection, fd);
  while (connection.is_answered() && act(connection, fd));
  if (connection.failed || (connection.ended && !connection.unsent)) {
    if (connection.sending || connection.receiving) return;
    if (draining_ && waits_for_late_reader(connection, fd)) return;
    remove(connection, fd);
  } else if (!connection.receiving && !connection.ended && !connection.unsent &&
             !connection.starved && connection.after == protocol::After::read) {
    receive(connection, fd);
  }
}

bool RingExchange::waits_for_late_reader(RingConnection& connection, int fd) {
  if (connection.failed || connection.after != protocol::After::read) return false;
  return late_.keeps(fd, Clock::now());
}

/// Back-pressure: the peer sends and does not read, so nothing more is received until all is sent.
void RingExchange::stop_receiving(RingConnection& connection, int fd) {
  if (!connection.receiving || connection.cancelling) return;
  ring_.cancel(RingOp::receive, fd);
  connection.cancelling = true;
}

/// Ends the pending requests of a connection: they complete immediately.
void RingExchange::fail(RingConnection& connection, int fd) {
  connection.failed = true;
  ::shutdown(fd, SHUT_RDWR);
}

UnsentReplies& RingExchange::unsent_of(RingConnection& connection) {
  if (connection.unsent) return *connection.unsent;
  if (spare_unsent_.empty()) {
    connection.unsent = std::make_unique<UnsentReplies>();
  } else {
    connection.unsent = std::move(spare_unsent_.back());
    spare_unsent_.pop_back();
  }
  return *connection.unsent;
}

void RingExchange::recycle(std::unique_ptr<UnsentReplies> unsent) {
  if (spare_unsent_.size() < max_spare) spare_unsent_.push_back(std::move(unsent));
}

/// As many as there are buffers: more would only fail again. A connection of which nothing has come
/// takes no buffer and does not complete, so there may be more to arm at once: see next_due().
void RingExchange::rearm_starved() {
  for (unsigned left = buffers_.available(); left > 0 && !starved_.empty(); --left) {
    const int fd = starved_.front();
    starved_.pop_front();
    RingConnection& connection = at(fd);
    if (!connection.starved) continue;  // it ended meanwhile
    connection.starved = false;
    proceed(connection, fd);
  }
}

void RingExchange::drain() {
  draining_ = true;
  for_each([](RingConnection&, int fd) { ::shutdown(fd, SHUT_RD); });
}

void RingExchange::force_stop() {
  forced_ = true;
  for_each([this](RingConnection& connection, int fd) {
    fail(connection, fd);
    proceed(connection, fd);
  });
}

std::optional<RingExchange::Clock::time_point> RingExchange::next_due() const {
  // Otherwise the next message of a starved connection would wait for that of another one.
  if (!starved_.empty() && buffers_.available() > 0) return Clock::time_point{};
  std::optional<Clock::time_point> next = next_scan_;
  if (!sleepers_.empty() && (!next || sleepers_.front().due < *next)) next = sleepers_.front().due;
  if (draining_) {
    const auto late = late_.next_due();
    if (late && (!next || *late < *next)) next = late;
  }
  return next;
}

void RingExchange::handle_due(Clock::time_point now) {
  while (!sleepers_.empty() && sleepers_.front().due <= now) {
    const int fd = sleepers_.front().fd;
    sleepers_.pop_front();
    RingConnection& connection = at(fd);
    if (!connection.sleeps) continue;  // it failed meanwhile
    connection.sleeps = false;
    connection.last = clock_.now();
    proceed(connection, fd);
  }
  for (int fd = late_.take_due(now); fd >= 0; fd = late_.take_due(now)) {
    RingConnection& connection = at(fd);
    connection.ended = false;  // what the peer has sent meanwhile is echoed; then EOF comes again
    connection.last = clock_.now();  // SendQueueWait has its own limit; below, it is not idle
    proceed(connection, fd);
  }
  if (!next_scan_ || now < *next_scan_) return;
  clock_.advance();
  *next_scan_ = now + clock_.period();
  for_each([this, now](RingConnection& connection, int fd) {
    if (connection.is_overdue(now)) return on_deadline(connection, fd);
    if (!is_idle(connection) || late_.waits(fd)) return;
    serving_.counters.timed_out();
    fail(connection, fd);
    proceed(connection, fd);
  });
}

bool RingExchange::is_idle(const RingConnection& connection) const {
  if (connection.sleeps || connection.failed || !clock_.expired(connection.last)) return false;
  return !connection.has_deadline();
}

}  // namespace echo_async
