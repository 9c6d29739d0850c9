// io_uring: requests to the kernel and completions from it, in memory that both share.
//
// One recv is armed per connection, once, and completes with every message; each reply is a send
// that is written into the ring. No call queries readiness, as epoll_wait(2) does, and one call
// submits all requests: with many busy connections, an echo costs a fraction of a system call. A
// reply goes out from the buffer in which its message came, which then returns to the ring, so an
// idle connection costs 32 bytes. It breaks where the kernel refuses it (containers, hardened
// machines, Linux before 6.0). It has one trap: a pending request uses its descriptor and memory,
// so nothing is closed or freed before the last completion (uring/ring_exchange.cpp). Source:
// io_uring(7), https://man7.org/linux/man-pages/man7/io_uring.7.html.
// Compare: diff echo_async/io_uring.cpp echo_async/select.cpp
// Try it: ./echo_async --model io-uring & ./client -n 10000
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <CLI/Error.hpp>
#include <algorithm>
#include <bit>
#include <cerrno>
#include <future>
#include <memory>
#include <system_error>

#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo_async/uring/ring.hpp"
#include "echo_async/uring/ring_exchange.hpp"
#include "limits/saturating.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {
namespace {

using Clock = RingExchange::Clock;

/// Requests between two submits: a batch of 64 completions makes at most three each.
constexpr unsigned requests = 256;
/// Completions that can wait, 16 bytes each: those of ten thousand connections at the same time.
constexpr unsigned completions = 16384;

class Server {
 public:
  Server(const server::Serving& serving, unsigned ring_buffers)
      : serving_(serving),
        listener_(std::move(serving.listeners.take().front())),
        ring_(requests, completions),
        exchange_(serving, ring_, ring_buffers) {}

  void run() {
    wait_for(RingOp::force, serving_.stop.force_fd());
    wait_for(RingOp::drain, serving_.stop.drain_fd());
    accept();
    while (listener_ || exchange_.count() > 0) {
      ring_.submit_and_wait(time_left());
      ring_.for_each_completion([this](const io_uring_cqe& done) { handle(done); });
      exchange_.rearm_starved();
      handle_due();
    }
  }

 private:
  void wait_for(RingOp op, int fd) { ::io_uring_prep_poll_add(ring_.request(op, fd), fd, POLLIN); }

  void handle(const io_uring_cqe& done) {
    switch (Ring::op_of(done)) {
      case RingOp::accept:
        return on_accepted(done);
      case RingOp::drain:
        return drain();
      case RingOp::force:
        drain();
        return exchange_.force_stop();
      default:
        return exchange_.handle(done);
    }
  }

  /// Completes for each new connection, until it fails.
  void accept() {
    const int fd = listener_.get();
    ::io_uring_prep_multishot_accept(ring_.request(RingOp::accept, fd), fd, nullptr, nullptr,
                                     SOCK_CLOEXEC);
  }

  void on_accepted(const io_uring_cqe& done) {
    if (done.res >= 0) {
      back_off_.reset();
      echo::Descriptor socket{done.res};
      const std::uint64_t open = std::max(exchange_.count(), serving_.counters.open());
      if (server::admit(serving_.counters, open, serving_.options.max_connections)) {
        exchange_.add(std::move(socket));
      }
    }
    if ((done.flags & IORING_CQE_F_MORE) != 0 || !listener_) return;
    if (done.res >= 0) return accept();
    switch (server::advice_for(-done.res)) {
      case server::AcceptAdvice::retry:
        if (back_off_.retries_at_once()) return accept();
        break;
      case server::AcceptAdvice::shed:
        if (reserve_.shed_batch(listener_.get(), serving_.counters)) back_off_.reset();
        break;
      case server::AcceptAdvice::back_off:
      case server::AcceptAdvice::nothing_waits:
        break;
      case server::AcceptAdvice::fatal:
        throw std::system_error(-done.res, std::generic_category(), "accept");
    }
    paused_until_ = Clock::now() + back_off_.next();
  }

  /// Closing the descriptor is not enough: the pending accept keeps the socket listening.
  void drain() {
    if (!listener_) return;
    ::shutdown(listener_.get(), SHUT_RDWR);
    listener_.reset();
    paused_until_.reset();
    exchange_.drain();
  }

  [[nodiscard]] std::optional<Clock::time_point> next_due() const {
    const auto due = exchange_.next_due();
    if (!due || !paused_until_) return due ? due : paused_until_;
    return std::min(*due, *paused_until_);
  }

  /// The limit of the wait itself, so that no timeout goes through the ring.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> time_left() const {
    const auto due = next_due();
    if (!due) return std::nullopt;
    return std::max<std::chrono::nanoseconds>(*due - Clock::now(), std::chrono::nanoseconds{0});
  }

  void handle_due() {
    if (!next_due()) return;
    const auto now = Clock::now();
    if (paused_until_ && *paused_until_ <= now) {
      paused_until_.reset();
      accept();
    }
    exchange_.handle_due(now);
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  Ring ring_;
  RingExchange exchange_;
  server::ReserveDescriptor reserve_;
  server::BackOff back_off_;
  std::optional<Clock::time_point> paused_until_;
};

struct Options {
  std::uint64_t ring_buffers = 4096;
};

void serve(const server::Serving& serving, const Options& options) {
  Server{serving, static_cast<unsigned>(options.ring_buffers)}.run();
}

void check(const Options& options) {
  if (!std::has_single_bit(options.ring_buffers)) {
    throw CLI::ValidationError("--ring-buffers", "a power of two, such as 1024 or 4096");
  }
}

/// Sets a ring up, so that a refusal by the kernel comes before the server reports that it listens.
/// On its own thread: the kernel frees a ring some time after it was closed, and for that
/// interrupts the thread that made it, whose blocking calls may then fail with EINTR.
void prepare(const Options& options, const server::ServerOptions& common) {
  const auto set_up = [&] {
    Ring ring{requests, completions};
    const BufferRing buffers{ring, static_cast<unsigned>(options.ring_buffers), common.buffer_size};
  };
  try {
    std::async(std::launch::async, set_up).get();
  } catch (const std::system_error& error) {
    throw echo::Exit(echo::exit_refused,
                     fmt::format("io-uring needs a thread: pthread_create: {}: raise processes "
                                 "(ulimit -u) or address space (ulimit -v)",
                                 error.code().message()));
  }
}

limits::Demand demand(const Options& options, std::uint64_t buffer_size,
                      std::uint64_t connections) {
  limits::Traits traits = limits::ring_traits(sizeof(RingConnection));
  // Buffers are used in turn, so all are touched.
  traits.table_bytes = limits::saturating_multiply(options.ring_buffers, buffer_size);
  return {connections, traits};
}

server::Configured configure(CLI::App& app) {
  auto options = std::make_shared<Options>();
  echo::add_count(app, "--ring-buffers", options->ring_buffers,
                  "Number of buffers of --buffer-size for messages in flight; a power of two",
                  {1, BufferRing::max_count});
  return {.check = [options](const server::ServerOptions&) { check(*options); },
          .prepare = [options](const server::ServerOptions& common) { prepare(*options, common); },
          .shape = {},
          .demand =
              [options](const server::ServerOptions& common, std::uint64_t connections) {
                return demand(*options, common.buffer_size, connections);
              },
          .serve = [options](const server::Serving& serving) { serve(serving, *options); }};
}

}  // namespace

extern constinit const server::Model io_uring{
    "io-uring",
    "one thread, one ring: recv armed once per connection, replies submitted in batches", configure,
    server::TableUse::loop};

}  // namespace echo_async
