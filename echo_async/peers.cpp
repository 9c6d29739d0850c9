#include "echo_async/peers.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace echo_async {

Peers::Peers(const server::Serving& serving, unsigned worker)
    : counters_(serving.counters), worker_(worker), dialogue_(serving, worker) {
  if (dialogue_.clock().runs()) next_scan_ = Clock::now() + dialogue_.clock().period();
}

Peers::~Peers() {
  for_each([](const Peer& peer) { ::close(peer.fd); });
}

Peer* Peers::enter(echo::Descriptor socket) {
  const auto index = static_cast<std::size_t>(socket.get());
  try {
    if (index >= table_.size()) table_.resize(index + 1);
  } catch (const std::bad_alloc&) {
    counters_.shed(server::Shed::memory);
    return nullptr;
  }
  Peer& peer = table_[index];
  peer.fd = socket.release();
  peer.last = dialogue_.clock().now();
  ++count_;
  counters_.opened(worker_);
  return &peer;
}

void Peers::leave(Peer& peer) {
  ::close(peer.fd);
  peer.fd = -1;
  peer.kept.reset();
  --count_;
  counters_.closed(worker_);
  while (!table_.empty() && table_.back().fd < 0) table_.pop_back();
}

void Peers::drain() {
  for_each([](const Peer& peer) { ::shutdown(peer.fd, SHUT_RD); });
}

std::optional<Peers::Clock::time_point> Peers::next_due() const {
  const auto wake = dialogue_.next_wake();
  if (!wake || !next_scan_) return wake ? wake : next_scan_;
  return std::min(*wake, *next_scan_);
}

}  // namespace echo_async
