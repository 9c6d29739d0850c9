#include "echo_threads/accept/pending_connections.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <new>
#include <utility>

#include "echo_threads/accept/exclusive_acceptor.hpp"

namespace echo_threads {

PendingConnections::PendingConnections(const server::Serving& serving)
    : stop_(serving.stop),
      counters_(serving.counters),
      listener_(std::move(serving.listeners.take().front())),
      acceptor_(listener_.get(), serving.counters, serving.options.max_connections, false) {}

bool PendingConnections::wait(int or_until) {
  pollfd entries[3] = {{stop_.drain_fd(), POLLIN, 0},
                       {or_until, POLLIN, 0},
                       {acceptor_.paused_until() ? -1 : listener_.get(), POLLIN, 0}};
  if (::poll(entries, 3, waiting_.empty() ? acceptor_.pause_ms() : 0) < 0 && errno != EINTR)
    echo::pause_after_failed_wait();
  return entries[0].revents == 0;
}

echo::Descriptor PendingConnections::next(std::uint64_t live) {
  while (listener_) {
    const std::uint64_t held = live + waiting_.size();
    echo::Descriptor connection =
        acceptor_.accept(counters_.hold(held, std::exchange(held_, held)));
    if (!connection) break;
    try {
      waiting_.push_back(std::move(connection));
      counters_.hold(live + waiting_.size(), std::exchange(held_, live + waiting_.size()));
    } catch (const std::bad_alloc&) {  // it is closed
      counters_.shed(server::Shed::memory);
      break;
    }
  }
  if (waiting_.empty() || (!listener_ && stop_.forced())) return echo::Descriptor{};
  echo::Descriptor first = std::move(waiting_.front());
  waiting_.pop_front();
  if (!listener_) ::shutdown(first.get(), SHUT_RD);
  return first;
}

void PendingConnections::drain() {
  listener_.reset();
}

void PendingConnections::close() {
  for (std::size_t i = 0; i < waiting_.size(); ++i) counters_.opened(0);
  waiting_.clear();
}

}  // namespace echo_threads
