#include "echo_async/epoll/connection_table.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <new>

namespace echo_async {

ConnectionTable::ConnectionTable(const server::Serving& serving, unsigned worker)
    : counters_(serving.counters),
      worker_(worker),
      exchange_(serving, worker),
      late_(serving.options.socket.idle_timeout, serving.counters) {
  if (exchange_.clock().runs()) next_scan_ = Clock::now() + exchange_.clock().period();
}

ConnectionTable::~ConnectionTable() {
  for_each([this](const Connection& connection) {
    discount_unsent(connection);
    ::close(connection.fd);
  });
}

Connection* ConnectionTable::add(echo::Descriptor socket) {
  const auto index = static_cast<std::size_t>(socket.get());
  try {
    if (index >= table_.size()) table_.resize(index + 1);
  } catch (const std::bad_alloc&) {
    counters_.shed(server::Shed::memory);
    return nullptr;
  }
  Connection& connection = table_[index];
  connection.fd = socket.release();
  connection.last = exchange_.clock().now();
  ++count_;
  counters_.opened(worker_);
  return &connection;
}

void ConnectionTable::discount_unsent(const Connection& connection) {
  if (const PendingReply* reply = connection.pending()) counters_.echoed(worker_, 0, reply->sent);
  server::discount_unsent(connection.fd, counters_, worker_);
}

void ConnectionTable::end(Connection& connection) {
  if (draining_ && late_.keeps(connection.fd, Clock::now())) return;
  remove(connection);
}

void ConnectionTable::remove(Connection& connection) {
  discount_unsent(connection);
  finish(connection);
}

void ConnectionTable::finish(Connection& connection) {
  if (draining_) late_.forget(connection.fd);
  ::close(connection.fd);
  connection.fd = -1;
  connection.unfinished.reset();
  --count_;
  counters_.closed(worker_);
  while (!table_.empty() && table_.back().fd < 0) table_.pop_back();
}

void ConnectionTable::drain() {
  draining_ = true;
  for_each([](const Connection& connection) { ::shutdown(connection.fd, SHUT_RD); });
}

std::optional<ConnectionTable::Clock::time_point> ConnectionTable::next_due() const {
  std::optional<Clock::time_point> next = exchange_.next_wake();
  if (next_scan_ && (!next || *next_scan_ < *next)) next = next_scan_;
  if (draining_) {
    const auto late = late_.next_due();
    if (late && (!next || *late < *next)) next = late;
  }
  return next;
}

}  // namespace echo_async
