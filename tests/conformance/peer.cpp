#include "tests/conformance/peer.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "tests/conformance/eventually.hpp"

namespace conformance {
namespace {

void set(int fd, int option, int value) {
  ::setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

}  // namespace

Peer::Peer(const echo::Endpoint& server, Buffers buffers)
    : socket_(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (buffers == Buffers::small) {
    set(fd(), SO_RCVBUF, 16 * 1024);
    set(fd(), SO_SNDBUF, 16 * 1024);
  }
  const timeval limit{patience.count(), 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  echo::set_nodelay(fd(), true);
  if (::connect(fd(), server.data(), server.size()) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect " + server.text());
  }
}

bool Peer::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

std::uint64_t Peer::send_until_blocked(std::uint64_t most) {
  constexpr int quiet_ms = 500;
  static constexpr std::array<std::byte, 65536> bytes{};
  std::uint64_t taken = 0;
  pollfd entry{fd(), POLLOUT, 0};
  while (taken < most && ::poll(&entry, 1, quiet_ms) == 1) {
    const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) taken += static_cast<std::uint64_t>(sent);
    if (sent < 0 && errno != EAGAIN) break;
  }
  return taken;
}

std::vector<std::byte> Peer::receive(std::size_t count) {
  std::vector<std::byte> got(count);
  std::size_t held = 0;
  while (held < count) {
    const ssize_t received = ::recv(fd(), got.data() + held, count - held, 0);
    if (received <= 0) {
      end_ = received == 0 ? End::fin : errno == EAGAIN ? End::silence : End::reset;
      break;
    }
    held += static_cast<std::size_t>(received);
  }
  got.resize(held);
  return got;
}

End Peer::end() {
  constexpr std::size_t piece = 65536;
  while (receive(piece).size() == piece) {
  }
  return end_;
}

void Peer::half_close() {
  ::shutdown(fd(), SHUT_WR);
}

void Peer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.reset();
}

int Peer::unacknowledged() const {
  int bytes = 0;
  ::ioctl(fd(), SIOCOUTQ, &bytes);
  return bytes;
}

std::vector<std::byte> message(const echo::Payload& payload, echo::MessageId id) {
  std::vector<std::byte> bytes(payload.size());
  payload.fill(id, 0, bytes);
  return bytes;
}

::testing::AssertionResult is_message(const echo::Payload& payload, echo::MessageId id,
                                      std::span<const std::byte> got) {
  const std::size_t count = std::min(payload.size(), got.size());
  if (const auto mismatch = payload.verify(id, 0, got.first(count))) {
    return ::testing::AssertionFailure()
           << "connection " << id.connection << ", byte " << mismatch->offset
           << (mismatch->owner ? " is another message's" : " is not what was sent");
  }
  if (got.size() == payload.size()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "connection " << id.connection << ": " << got.size()
                                       << " of " << payload.size() << " bytes came back";
}

::testing::AssertionResult echoes(Peer& peer, const echo::Payload& payload, echo::MessageId id) {
  if (!peer.send(message(payload, id))) return ::testing::AssertionFailure() << "could not send";
  return is_message(payload, id, peer.receive(payload.size()));
}

}  // namespace conformance
