#include "echo_async/asio/connection_list.hpp"

#include <exception>
#include <utility>

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
  if (!list_.draining_ || list_.forced_ || finished_ || !socket().is_open()) return false;
  if (std::uncaught_exceptions() > 0) return false;  // it ends a coroutine: a reply is missing
  const auto pause = list_.late_.pause_at_eof(socket().native_handle());
  return pause && continue_late(*this, *pause);
}

void AsioConnection::close_now() {
  if (!socket().is_open()) return;
  const int fd = socket().native_handle();
  if (!finished_) server::discount_unsent(fd, serving().counters, 0);
  list_.late_.forget(fd);
  close();
}

bool AsioConnection::has_turn(error_code error) const {
  if (goes_on_) return true;
  return error == asio::error::operation_aborted && waits_ == Waits::to_read &&
         is_overdue(Clock::now());
}

protocol::Turn AsioConnection::next_turn(std::span<std::byte> got) {
  const protocol::Protocol& protocol = serving().protocol;
  if (!got.empty()) return protocol.on_received(conversation(), got, {});
  return std::exchange(goes_on_, false) ? protocol.go_on(conversation())
                                        : protocol.on_time(conversation());
}

bool AsioConnection::carries_out(protocol::After after) {
  goes_on_ = after == protocol::After::go_on;
  if (after == protocol::After::linger) send_fin();
  if (goes_on_ || after == protocol::After::linger) return true;
  if (after == protocol::After::reset) {
    server::discount_unsent(socket().native_handle(), serving().counters, 0);
    reset_at_close();
  }
  finished_ = true;
  return false;
}

void AsioConnection::drain() {
  error_code ignored;
  socket().shutdown(Socket::shutdown_receive, ignored);
}

void AsioConnection::check_times(Clock::time_point now) {
  if (waits_ == Waits::for_server || !socket().is_open()) return;
  if (is_overdue(now) && waits_ == Waits::to_read) {
    error_code ignored;
    socket().cancel(ignored);
    return;
  }
  if (!is_overdue(now) && (has_deadline() || !list_.idle_.clock().expired(last_touch_))) return;
  serving().counters.timed_out();
  close_now();
}

void ConnectionList::drain() {
  in_turn_up_to_ = 0;
  draining_ = true;
  for (AsioConnection& connection : connections_) connection.drain();
  end_if_empty();
}

void ConnectionList::close_all() {
  draining_ = forced_ = true;
  for (AsioConnection& connection : connections_) connection.close_now();
  end_if_empty();
}

void ConnectionList::check_times() {
  const auto now = std::chrono::steady_clock::now();
  for (AsioConnection& connection : connections_) connection.check_times(now);
}

void ConnectionList::end_if_empty() {
  if (draining_ && connections_.empty()) when_empty_();
}

}  // namespace echo_async
