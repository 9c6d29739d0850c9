#include "echo_async/asio/asio_acceptor.hpp"

#include <cerrno>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

namespace echo_async {

AsioAcceptor::AsioAcceptor(const Strand& strand, const server::Serving& serving,
                           echo::Descriptor listener, std::function<void(Socket)> serve)
    : serving_(serving),
      protocol_(serving.listeners.where().family() == AF_INET6 ? tcp::v6() : tcp::v4()),
      acceptor_(strand),
      pause_(strand),
      serve_(std::move(serve)) {
  error_code error;
  acceptor_.assign(protocol_, listener.get(), error);
  if (error) throw std::system_error(error, "epoll_ctl of the listener");
  [[maybe_unused]] const int owned = listener.release();
  report_aborted();
}

/// Without this Asio ignores ECONNABORTED and EPROTO and waits for the next event. The kernel
/// reports the queue once, so the connections behind the aborted one would wait until another
/// arrives.
void AsioAcceptor::report_aborted() {
  error_code ignored;
  acceptor_.set_option(asio::socket_base::enable_connection_aborted(true), ignored);
}

void AsioAcceptor::start() {
  const Executor executor = acceptor_.get_executor().get_inner_executor();
  auto handler = [this, pending = pending_.token()](error_code error, Socket socket) {
    accepting_ = false;
    if (!acceptor_.is_open()) return;
    if (error) return after_failure(error.value());
    back_off_.reset();
    if (server::admit(serving_.counters, serving_.counters.open(),
                      serving_.options.max_connections)) {
      pass_on(std::move(socket));
    }
    start();
  };
  acceptor_.async_accept(executor, std::move(handler));
  accepting_ = true;
}

void AsioAcceptor::begin_again() {
  if (pending_ || (!acceptor_.is_open() && !unwatched_)) return;
  // Its handler was destroyed: Asio had no memory for the connection that it accepted, and has
  // closed it.
  if (std::exchange(accepting_, false)) serving_.counters.shed(server::Shed::memory);
  if (unwatched_) return watch_again();
  start();
}

void AsioAcceptor::pass_on(Socket socket) {
  try {
    serve_(std::move(socket));
  } catch (const std::bad_alloc&) {
    serving_.counters.shed(server::Shed::memory);
  } catch (const std::exception&) {
    serving_.counters.shed(server::Shed::exception);
  }
}

void AsioAcceptor::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  unwatched_.reset();
  pause_.cancel();
}

void AsioAcceptor::after_failure(int accept_errno) {
  // Not of accept(2): Asio could not add the connection to its epoll, and has closed it. Asio keeps
  // some memory for each such connection, so they are not accepted as fast as they come.
  if (accept_errno == ENOSPC) {
    serving_.counters.shed(server::Shed::epoll_watches);
    stop_watching();
    return restart_after_pause();
  }
  switch (server::advice_for(accept_errno)) {
    case server::AcceptAdvice::nothing_waits:
      return start();
    case server::AcceptAdvice::retry:
      if (back_off_.retries_at_once()) return start();
      stop_watching();
      return restart_after_pause();
    case server::AcceptAdvice::shed:
      stop_watching();
      if (reserve_.shed_batch(unwatched_.get(), serving_.counters)) back_off_.reset();
      return restart_after_pause();
    case server::AcceptAdvice::back_off:
      stop_watching();
      return restart_after_pause();
    case server::AcceptAdvice::fatal:
      throw std::system_error(accept_errno, std::generic_category(), "accept");
  }
}

void AsioAcceptor::stop_watching() {
  unwatched_.reset(acceptor_.release());
}

void AsioAcceptor::restart_after_pause() {
  pause_.expires_after(back_off_.next());
  pause_.async_wait([this, pending = pending_.token()](error_code error) {
    if (!error && unwatched_) watch_again();
  });
}

void AsioAcceptor::watch_again() {
  error_code error;
  acceptor_.assign(protocol_, unwatched_.get(), error);
  if (error) return restart_after_pause();  // the kernel has no memory to watch it
  [[maybe_unused]] const int released = unwatched_.release();
  report_aborted();
  start();
}

}  // namespace echo_async
