#include "echo_async/asio/loop.hpp"

#include <utility>

namespace echo_async {

Loop::Loop(const server::Serving& serving)
    : serving_(serving),
      connections_(serving, idle_, [this] { end_waits(); }),
      acceptor_(strand_, serving, std::move(serving.listeners.take().front()),
                [this](Socket socket) { serve_(std::move(socket)); }),
      stop_(strand_, serving.stop),
      idle_(strand_, serving) {}

void Loop::run(std::function<void(Socket)> serve) {
  serve_ = std::move(serve);
  acceptor_.start();  // async_accept: passes the connection to serve_, and begins again
  stop_.wait([this] { drain(); }, [this] { force_stop(); });
  idle_.start([this] { connections_.check_times(); });
  run_until_done(io_, [this] { begin_again(); });  // waits in epoll, calls handlers
}

void Loop::drain() {
  if (serving_.stop.forced()) return force_stop();
  acceptor_.stop();      // no longer listens
  connections_.drain();  // shutdown(2) for reading: each echoes what is queued, then reads the end
}

void Loop::force_stop() {
  acceptor_.stop();
  connections_.close_all();  // their pending operations end with an error
}

}  // namespace echo_async
