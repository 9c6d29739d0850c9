#include "echo_async/epoll/connection_table.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace echo_async {

ConnectionTable::ConnectionTable(const server::Serving& serving, unsigned worker)
    : counters_(serving.counters), worker_(worker), exchange_(serving, worker) {
  if (exchange_.clock().runs()) next_scan_ = Clock::now() + exchange_.clock().period();
}

ConnectionTable::~ConnectionTable() {
  for_each([](const Connection& connection) { ::close(connection.fd); });
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

void ConnectionTable::remove(Connection& connection) {
  ::close(connection.fd);
  connection.fd = -1;
  connection.pending.reset();
  --count_;
  counters_.closed(worker_);
  while (!table_.empty() && table_.back().fd < 0) table_.pop_back();
}

void ConnectionTable::drain() {
  for_each([](const Connection& connection) { ::shutdown(connection.fd, SHUT_RD); });
}

std::optional<ConnectionTable::Clock::time_point> ConnectionTable::next_due() const {
  const auto wake = exchange_.next_wake();
  if (!wake || !next_scan_) return wake ? wake : next_scan_;
  return std::min(*wake, *next_scan_);
}

}  // namespace echo_async
