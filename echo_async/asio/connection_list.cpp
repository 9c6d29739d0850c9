#include "echo_async/asio/connection_list.hpp"

#include <exception>

#include "echo_async/asio/late_chain.hpp"

namespace echo_async {

AsioConnection::AsioConnection(Socket socket, ConnectionList& list)
    : ConnectionSocket(std::move(socket)), list_(list), last_touch_(list.idle_.clock().now()) {
  serving().counters.opened(0);
  list_.connections_.push_back(*this);
  ++list_.count_;
}

AsioConnection::AsioConnection(TakeOver tag, AsioConnection& ended) noexcept
    : ConnectionSocket(tag, ended), list_(ended.list_), last_touch_(ended.last_touch_) {
  list_.connections_.push_back(*this);
  ++list_.count_;
}

AsioConnection::~AsioConnection() {
  if (!continues()) {
    close_now();
    // A connection that a forced stop ends counts as open at the stop.
    if (!list_.forced_) serving().counters.closed(0);
  }
  unlink();
  --list_.count_;
  list_.end_if_empty();
}

bool AsioConnection::continues() {
  if (!list_.draining_ || list_.forced_ || !socket().is_open()) return false;
  if (std::uncaught_exceptions() > 0) return false;  // it ends a coroutine: a reply is missing
  const auto pause = list_.late_.pause_at_eof(socket().native_handle());
  return pause && continue_late(*this, *pause);
}

void AsioConnection::close_now() {
  if (!socket().is_open()) return;
  const int fd = socket().native_handle();
  server::discount_unsent(fd, serving().counters, 0);
  list_.late_.forget(fd);
  close();
}

void AsioConnection::drain() {
  error_code ignored;
  socket().shutdown(Socket::shutdown_receive, ignored);
}

bool AsioConnection::is_idle() {
  return !sleeping_ && socket().is_open() && list_.idle_.clock().expired(last_touch_);
}

void ConnectionList::drain() {
  draining_ = true;
  for (AsioConnection& connection : connections_) connection.drain();
  end_if_empty();
}

void ConnectionList::close_all() {
  draining_ = forced_ = true;
  for (AsioConnection& connection : connections_) connection.close_now();
  end_if_empty();
}

void ConnectionList::close_idle() {
  for (AsioConnection& connection : connections_) {
    if (!connection.is_idle()) continue;
    serving_.counters.timed_out();
    connection.close_now();
  }
}

void ConnectionList::end_if_empty() {
  if (draining_ && connections_.empty()) when_empty_();
}

}  // namespace echo_async
