#include "tests/faults/liar.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace faults {

bool Peer::wait(short events) {
  pollfd entries[2] = {{socket_.get(), events, 0}, {stop_.drain_fd(), POLLIN, 0}};
  while (::poll(entries, 2, -1) < 0 && errno == EINTR) {
  }
  return entries[1].revents == 0;
}

Bytes Peer::receive_some() {
  Bytes bytes(64U << 10U);
  if (!wait(POLLIN)) return {};
  const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

Bytes Peer::receive(std::size_t count) {
  Bytes bytes(count);
  std::size_t held = 0;
  while (held < count && wait(POLLIN)) {
    const ssize_t received = ::recv(socket_.get(), bytes.data() + held, count - held, MSG_DONTWAIT);
    if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR)) break;
    if (received > 0) held += static_cast<std::size_t>(received);
  }
  bytes.resize(held);
  return bytes;
}

bool Peer::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (!wait(POLLOUT)) return false;
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (sent > 0) bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Peer::pause(nanoseconds time) {
  pollfd entry{stop_.drain_fd(), POLLIN, 0};
  const timespec left{time.count() / 1'000'000'000, time.count() % 1'000'000'000};
  return ::ppoll(&entry, 1, &left, nullptr) == 0;
}

void Peer::await_fin() {
  while (!receive_some().empty()) {
  }
}

void Peer::ignore() {
  pause(std::chrono::hours{1});
}

void Peer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.reset();
}

void honest(Peer& peer) {
  for (Bytes bytes = peer.receive_some(); !bytes.empty(); bytes = peer.receive_some()) {
    if (!peer.send(bytes)) return;
  }
}

bool has_ipv6_loopback() {
  try {
    echo::listen_on(echo::resolve("::1", 0).front(), 1, false);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

Liar::Liar(Script script, const std::string& host, Listen when) : script_(std::move(script)) {
  const echo::Endpoint wanted = echo::resolve(host, 0).front();
  listener_.reset(::socket(wanted.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(listener_.get(), wanted.data(), wanted.size()) != 0) {
    throw std::system_error(errno, std::generic_category(), "bind " + wanted.text());
  }
  where_ = echo::local_endpoint(listener_.get());
  if (when == Listen::at_once) listen();
}

void Liar::listen() {
  if (::listen(listener_.get(), 4096) != 0) {
    throw std::system_error(errno, std::generic_category(), "listen " + where_.text());
  }
  acceptor_ = std::thread([this] { accept_all(); });
}

void Liar::accept_all() {
  for (std::uint64_t index = 0;;) {
    pollfd entries[2] = {{listener_.get(), POLLIN, 0}, {stop_.drain_fd(), POLLIN, 0}};
    ::poll(entries, 2, -1);
    if (entries[1].revents != 0) break;
    echo::Descriptor socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!socket) continue;
    echo::set_nodelay(socket.get(), true);
    peers_.emplace_back([this, index, socket = std::move(socket)]() mutable {
      Peer peer{std::move(socket), index, stop_};
      script_(peer);
    });
    ++index;
  }
  for (std::thread& peer : peers_) peer.join();
}

Liar::~Liar() {
  stop_.request_drain();
  if (acceptor_.joinable()) acceptor_.join();
}

}  // namespace faults
