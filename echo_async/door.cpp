#include "echo_async/door.hpp"

#include <system_error>
#include <utility>

namespace echo_async {

Door::Door(asio::io_context& io, const echo::Serving& serving, echo::Descriptor listener,
           std::function<void(Socket)> enter)
    : serving_(serving),
      acceptor_(io.get_executor()),
      pause_(io.get_executor()),
      enter_(std::move(enter)) {
  const bool v6 = serving.listeners.where().family() == AF_INET6;
  acceptor_.assign(v6 ? tcp::v6() : tcp::v4(), listener.release());
}

void Door::open() {
  acceptor_.async_accept([this](error_code error, Socket socket) {
    if (!acceptor_.is_open()) return;
    if (error) return after_failure(error.value());
    back_off_.reset();
    if (echo::admit(serving_.counters, serving_.counters.open(),
                    serving_.options.max_connections)) {
      enter_(std::move(socket));
    }
    open();
  });
}

void Door::close() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void Door::after_failure(int accept_errno) {
  switch (echo::advice_for(accept_errno)) {
    case echo::AcceptAdvice::nothing_waits:
    case echo::AcceptAdvice::retry:
      return open();
    case echo::AcceptAdvice::shed:
      if (reserve_.shed_batch(acceptor_.native_handle(), serving_.counters)) back_off_.reset();
      return open_after_pause();
    case echo::AcceptAdvice::back_off:
      serving_.counters.shed(echo::Shed::memory);
      return open_after_pause();
    case echo::AcceptAdvice::fatal:
      throw std::system_error(accept_errno, std::generic_category(), "accept");
  }
}

void Door::open_after_pause() {
  pause_.expires_after(back_off_.next());
  pause_.async_wait([this](error_code error) {
    if (!error) open();
  });
}

}  // namespace echo_async
