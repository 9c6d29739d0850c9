#include "echo_async/dialogue.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <exception>

namespace echo_async {
namespace {

/// recv(2) itself. That of the C library is a cancellation point, as its send(2) is: in a process
/// of several threads each call passes two atomic operations (glibc 2.36), for a pthread_cancel(3)
/// that nobody calls. Worth 0.7 % of a loop's CPU (decision 0015). The sanitizers do not see what
/// the kernel writes.
ssize_t receive_some(int fd, std::byte* room, std::size_t size) {
  return ::syscall(SYS_recvfrom, fd, room, size, 0, nullptr, nullptr);
}

/// What the kernel takes now: 0 if nothing, -1 if the connection cannot be written to any more.
/// MSG_NOSIGNAL, since a peer that is gone is no reason to die.
ssize_t send_some(int fd, std::span<const std::byte> bytes) {
  for (;;) {
    const ssize_t sent =
        ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -1;
  }
}

}  // namespace

Dialogue::Dialogue(const server::Serving& serving, unsigned worker)
    : serving_(serving),
      worker_(worker),
      clock_(serving.options.socket.idle_timeout),
      buffer_size_(serving.options.buffer_size),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_size_)) {}

Next Dialogue::on_readable(Peer& peer) {
  if (peer.kept) return peer.kept->sleeps ? Next::sleep : Next::write;
  const ssize_t received = receive_some(peer.fd, buffer_.get(), buffer_size_);
  if (received < 0) {
    if (errno == EINTR) return Next::again;
    return errno == EAGAIN ? Next::read : Next::close;
  }
  if (received == 0) return Next::close;
  peer.last = clock_.now();
  try {
    return answer(peer, std::span(buffer_.get(), static_cast<std::size_t>(received)));
  } catch (const std::exception&) {  // a bug or no memory: that connection's end alone
    serving_.counters.shed(server::Shed::exception);
    return Next::close;
  }
}

Next Dialogue::answer(Peer& peer, std::span<std::byte> question) {
  serving_.work.compute();
  const auto reply = serving_.protocol.reply_to(question);
  if (serving_.work.sleeps()) return put_to_sleep(peer, reply);
  const ssize_t sent = send_some(peer.fd, reply);
  if (sent < 0) return Next::close;
  const auto rest = reply.subspan(static_cast<std::size_t>(sent));
  if (!rest.empty()) {
    peer.kept = std::make_unique<Kept>(
        Kept{.answer = {reply.begin(), reply.end()}, .sent = reply.size() - rest.size()});
    return Next::write;
  }
  serving_.counters.echoed(worker_, 1, reply.size());
  return question.size() == buffer_size_ ? Next::again : Next::read;
}

Next Dialogue::put_to_sleep(Peer& peer, std::span<const std::byte> answer) {
  peer.kept =
      std::make_unique<Kept>(Kept{.answer = {answer.begin(), answer.end()}, .sleeps = true});
  sleepers_.push_back({Clock::now() + serving_.work.amount(), peer.fd});
  return Next::sleep;
}

std::optional<Dialogue::Clock::time_point> Dialogue::next_wake() const {
  if (sleepers_.empty()) return std::nullopt;
  return sleepers_.front().due;
}

int Dialogue::take_awake(Clock::time_point now) {
  if (sleepers_.empty() || sleepers_.front().due > now) return -1;
  const int fd = sleepers_.front().fd;
  sleepers_.pop_front();
  return fd;
}

Next Dialogue::on_wake(Peer& peer) {
  peer.kept->sleeps = false;
  peer.last = clock_.now();
  return send_kept(peer);
}

Next Dialogue::on_writable(Peer& peer) {
  if (!peer.kept) return Next::read;
  return peer.kept->sleeps ? Next::sleep : send_kept(peer);
}

Next Dialogue::send_kept(Peer& peer) {
  Kept& kept = *peer.kept;
  const ssize_t sent = send_some(peer.fd, std::span(kept.answer).subspan(kept.sent));
  if (sent < 0) return Next::close;
  if (sent > 0) peer.last = clock_.now();
  kept.sent += static_cast<std::size_t>(sent);
  if (kept.sent < kept.answer.size()) return Next::write;
  serving_.counters.echoed(worker_, 1, kept.answer.size());
  peer.kept.reset();
  return Next::again;  // nothing was read meanwhile, and what has come was told already
}

}  // namespace echo_async
