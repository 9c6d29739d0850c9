#include "echo_async/asio/loop.hpp"

namespace echo_async {

AsioConnection::AsioConnection(Socket socket, Loop& loop)
    : ConnectionSocket(std::move(socket)), loop_(loop), last_touch_(loop.clock().now()) {
  serving().counters.opened(0);
  loop_.connections_.push_back(*this);
  ++loop_.count_;
}

AsioConnection::~AsioConnection() {
  close();
  // A connection that a forced stop ends counts as open at the stop.
  if (!loop_.forced_) serving().counters.closed(0);
  unlink();
  --loop_.count_;
  loop_.stop_when_empty();
}

void AsioConnection::drain() {
  error_code ignored;
  socket().shutdown(Socket::shutdown_receive, ignored);
}

bool AsioConnection::is_idle() {
  return !sleeping_ && socket().is_open() && loop_.clock().expired(last_touch_);
}

Loop::Loop(const server::Serving& serving)
    : serving_(serving),
      acceptor_(strand_, serving, std::move(serving.listeners.take().front()),
                [this](Socket socket) { serve_(std::move(socket)); }),
      stop_(strand_, serving.stop),
      idle_(strand_, serving.options.socket.idle_timeout) {}

void Loop::run(std::function<void(Socket)> serve) {
  serve_ = std::move(serve);
  acceptor_.start();
  stop_.wait([this] { drain(); }, [this] { force_stop(); });
  idle_.start([this] { close_idle(); });
  io_.run();  // returns when no operation is pending: no connection, no accept, no wait
}

void Loop::drain() {
  if (serving_.stop.forced()) return force_stop();
  acceptor_.stop();
  draining_ = true;
  for (AsioConnection& connection : connections_) connection.drain();
  stop_when_empty();
}

void Loop::force_stop() {
  acceptor_.stop();
  draining_ = forced_ = true;
  for (AsioConnection& connection : connections_) connection.close_now();
  stop_when_empty();
}

void Loop::close_idle() {
  for (AsioConnection& connection : connections_) {
    if (!connection.is_idle()) continue;
    serving_.counters.timed_out();
    connection.close_now();
  }
}

void Loop::stop_when_empty() {
  if (!draining_ || !connections_.empty()) return;
  stop_.cancel();
  idle_.stop();
}

}  // namespace echo_async
