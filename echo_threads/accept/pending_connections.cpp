#include "echo_threads/accept/pending_connections.hpp"

#include <poll.h>

#include <utility>

#include "echo_threads/accept/exclusive_acceptor.hpp"

namespace echo_threads {

PendingConnections::PendingConnections(const server::Serving& serving)
    : stop_(serving.stop),
      listener_(std::move(serving.listeners.take().front())),
      acceptor_(listener_.get(), serving.counters, serving.options.max_connections, false) {}

bool PendingConnections::wait(int or_until) {
  pollfd entries[3] = {{stop_.drain_fd(), POLLIN, 0},
                       {or_until, POLLIN, 0},
                       {acceptor_.paused_until() ? -1 : listener_.get(), POLLIN, 0}};
  ::poll(entries, 3, waiting_.empty() ? acceptor_.pause_ms() : 0);
  return entries[0].revents == 0;
}

echo::Descriptor PendingConnections::next(std::uint64_t live) {
  while (echo::Descriptor connection = acceptor_.accept(live + waiting_.size())) {
    waiting_.push_back(std::move(connection));
  }
  if (waiting_.empty()) return echo::Descriptor{};
  echo::Descriptor first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

void PendingConnections::close() {
  listener_.reset();
  waiting_.clear();
}

}  // namespace echo_threads
