// How a loop goes on when there was no memory for one of its operations.
//
// Asio allocates for each operation and for each descriptor that it watches. If that fails, it
// destroys the handler without calling it and throws std::bad_alloc, often out of run(): of a
// connection that it has accepted before any code of the server has seen it. The io_context stays
// usable, and run() may be called again. What belonged to one connection has ended with its
// handler. The operations of the loop itself must begin again: without them it would accept nothing
// any more, or notice no stop. Source: "Effect of exceptions thrown from handlers" in
// https://www.boost.org/doc/libs/release/doc/html/boost_asio/reference/io_context.html.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <new>
#include <optional>

namespace echo_async {

/// Whether an operation that a loop is never without is pending: each of its handlers keeps a
/// token, for as long as it exists.
class Pending {
 public:
  [[nodiscard]] std::shared_ptr<const bool> token() const { return token_; }
  explicit operator bool() const { return token_.use_count() > 1; }

 private:
  std::shared_ptr<const bool> token_ = std::make_shared<const bool>(true);
};

/// Runs `io` until it is stopped or nothing is pending. After std::bad_alloc it continues, and
/// calls `begin_again`, which begins what the loop has lost, and may throw std::bad_alloc too. It
/// does so after a pause, in which the connections are served: without memory for an accepted
/// connection, others are not accepted as fast as they come.
template <typename BeginAgain>
void run_until_done(boost::asio::io_context& io, const BeginAgain& begin_again) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds pause{10};
  std::optional<Clock::time_point> again_at;
  for (;;) {
    try {
      if (again_at) {
        io.run_until(*again_at);
        if (io.stopped()) return;
        again_at = Clock::now() + pause;  // for the next attempt, if this one fails
        begin_again();
        again_at.reset();
      }
      io.run();
      return;
    } catch (const std::bad_alloc&) {
      if (!again_at) again_at = Clock::now() + pause;
    }
  }
}

}  // namespace echo_async
