#include "echo_async/loop.hpp"

#include <new>

namespace echo_async {

Connection::Connection(Socket socket, Loop& loop)
    : socket_(std::move(socket)), loop_(loop), last_touch_(loop.clock().now()) {
  error_code ignored;
  socket_.non_blocking(true, ignored);  // Asio would do it with the first read, for itself alone
  loop_.serving_.counters.opened(0);
  loop_.connections_.push_back(*this);
}

Connection::~Connection() {
  error_code ignored;
  socket_.close(ignored);
  // What a forced stop cuts is open at the stop.
  if (!loop_.forced_) loop_.serving_.counters.closed(0);
  unlink();
  loop_.leave_when_empty();
}

void Connection::drain() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_receive, ignored);
}

void Connection::cut() {
  error_code ignored;
  socket_.close(ignored);
  if (nap_) nap_->cancel();
}

bool Connection::is_idle() const {
  return !naps_ && socket_.is_open() && loop_.clock().expired(last_touch_);
}

Loop::Loop(const echo::Serving& serving)
    : serving_(serving),
      door_(io_, serving, std::move(serving.listeners.take().front()),
            [this](Socket socket) {
              try {
                enter_(std::move(socket));
              } catch (const std::bad_alloc&) {
                serving_.counters.shed(echo::Shed::memory);
              }
            }),
      stop_(io_, serving.stop),
      idle_(io_, serving.options.socket.idle_timeout) {}

void Loop::run(std::function<void(Socket)> enter) {
  enter_ = std::move(enter);
  door_.open();
  stop_.wait([this] { drain(); }, [this] { cut(); });
  idle_.start([this] { close_idle(); });
  io_.run();  // returns when no operation is pending: no connection, no accept, no wait
}

void Loop::drain() {
  if (serving_.stop.forced()) return cut();
  door_.close();
  draining_ = true;
  for (Connection& connection : connections_) connection.drain();
  leave_when_empty();
}

void Loop::cut() {
  door_.close();
  draining_ = forced_ = true;
  for (Connection& connection : connections_) connection.cut();
  leave_when_empty();
}

void Loop::close_idle() {
  for (Connection& connection : connections_) {
    if (!connection.is_idle()) continue;
    serving_.counters.timed_out();
    connection.cut();
  }
}

void Loop::leave_when_empty() {
  if (!draining_ || !connections_.empty()) return;
  stop_.forget();
  idle_.stop();
}

}  // namespace echo_async
