// select(2): one thread that passes all its descriptors to the kernel, anew for each wait.
//
// The oldest way to serve many connections with one thread, and the reason for its successors.
// Three bitmaps go into the kernel and come back, and both sides scan all bits up to the highest
// descriptor: each wake-up costs O(connections), however few of them are ready. A bitmap has
// FD_SETSIZE bits, 1,024, and glibc aborts a program that sets a higher one, so a connection with a
// higher descriptor is closed and counted. It wins nowhere today, and loses least where most of its
// connections are busy: one call then reports many. Source: LearnServer, multiplexingio_server.py;
// select(2), https://man7.org/linux/man-pages/man2/select.2.html.
// Compare: diff echo_async/select.cpp echo_async/busy_poll.cpp
// Try it: ./echo_async --model select & ./client -n 1000
#include <fmt/format.h>
#include <sys/select.h>

#include <algorithm>
#include <cerrno>

#include "echo/exit_code.hpp"
#include "echo/stop.hpp"
#include "echo_async/epoll/connection_table.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {
namespace {

using Clock = ConnectionTable::Clock;

class Server {
 public:
  explicit Server(const server::Serving& serving)
      : serving_(serving),
        listener_(std::move(serving.listeners.take().front())),
        acceptor_(listener_.get(), serving.counters, serving.options.max_connections, true),
        connections_(serving, 0) {
    for (const int fd : {listener_.get(), serving.stop.drain_fd(), serving.stop.force_fd()}) {
      if (fd >= FD_SETSIZE) {
        throw echo::Exit(echo::exit_refused,
                         fmt::format("select(2) cannot wait for descriptor {}: too many were open "
                                     "when the server started",
                                     fd));
      }
    }
    FD_ZERO(&reading_);
    FD_ZERO(&writing_);
    FD_SET(serving.stop.force_fd(), &reading_);
    FD_SET(serving.stop.drain_fd(), &reading_);
  }

  void run() {
    for (;;) {
      wait();
      if (FD_ISSET(serving_.stop.force_fd(), &readable_)) return;
      serve_ready();
      const auto due = connections_.next_due();
      if (due)
        connections_.handle_due(Clock::now(), [this](Connection& connection, WaitFor next) {
          watch(connection, next);
        });
      if (FD_ISSET(serving_.stop.drain_fd(), &readable_)) drain();
      if (listener_ && (acceptor_.paused_until() || FD_ISSET(listener_.get(), &readable_))) {
        accept_some();
      }
      if (!listener_ && connections_.count() == 0) return;
    }
  }

 private:
  void wait() {
    readable_ = reading_;
    writable_ = writing_;
    if (listener_ && !acceptor_.paused_until()) FD_SET(listener_.get(), &readable_);
    timeval left = time_left();
    const bool for_ever = left.tv_sec < 0;
    const int end = std::max({connections_.end_fd(), listener_.get() + 1,
                              serving_.stop.drain_fd() + 1, serving_.stop.force_fd() + 1});
    if (::select(end, &readable_, &writable_, nullptr, for_ever ? nullptr : &left) >= 0) return;
    if (errno != EINTR) echo::pause_after_failed_wait();
    FD_ZERO(&readable_);
    FD_ZERO(&writable_);
  }

  /// Time until something is due that no descriptor reports; -1 s: nothing is due.
  [[nodiscard]] timeval time_left() const {
    auto due = connections_.next_due();
    const auto paused = listener_ ? acceptor_.paused_until() : std::nullopt;
    if (paused && (!due || *paused < *due)) due = paused;
    if (!due) return {-1, 0};
    const auto left = std::max(std::chrono::ceil<std::chrono::microseconds>(*due - Clock::now()),
                               std::chrono::microseconds{0})
                          .count();
    return {left / 1'000'000, left % 1'000'000};
  }

  /// The other half of the cost of a wake-up: a scan of all connections for those that are ready.
  void serve_ready() {
    connections_.for_each([this](Connection& connection) {
      if (FD_ISSET(connection.fd, &readable_)) {
        watch(connection, connections_.exchange().on_readable(connection));
      } else if (FD_ISSET(connection.fd, &writable_)) {
        watch(connection, connections_.exchange().on_writable(connection));
      }
    });
  }

  void accept_some() {
    for (int i = 0; i < server::accepts_in_a_row; ++i) {
      echo::Descriptor socket = acceptor_.accept(connections_.count());
      if (!socket) return;
      if (socket.get() >= FD_SETSIZE) {
        serving_.counters.shed(server::Shed::fd_setsize);
        continue;
      }
      if (const Connection* connection = connections_.add(std::move(socket)))
        FD_SET(connection->fd, &reading_);
    }
  }

  /// select(2) is called again in any case, and reports again what is left in a socket.
  void watch(Connection& connection, WaitFor next) {
    FD_CLR(connection.fd, &reading_);
    FD_CLR(connection.fd, &writing_);
    if (next == WaitFor::read || next == WaitFor::again) FD_SET(connection.fd, &reading_);
    if (next == WaitFor::write) FD_SET(connection.fd, &writing_);
    if (next == WaitFor::eof) connections_.end(connection);
    if (next == WaitFor::finish) connections_.finish(connection);
    if (next == WaitFor::close) connections_.remove(connection);
  }

  void drain() {
    FD_CLR(serving_.stop.drain_fd(), &reading_);  // it stays readable
    listener_.reset();
    connections_.drain();
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  ConnectionTable connections_;
  fd_set reading_{}, writing_{};    ///< what is watched
  fd_set readable_{}, writable_{};  ///< what select(2) returned
};

void serve(const server::Serving& serving) {
  Server{serving}.run();
}

limits::Demand demand(std::uint64_t connections) {
  constexpr std::uint64_t bits = 1;  // in the bitmaps, in bytes
  limits::Traits traits = limits::event_traits(sizeof(Connection) + bits, 0);
  traits.watches_per_connection = 0;
  traits.descriptors_below = FD_SETSIZE;
  return {connections, traits};
}

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand = [](const server::ServerOptions&,
                       std::uint64_t connections) { return demand(connections); },
          .serve = serve};
}

}  // namespace

extern constinit const server::Model select{
    "select", "one thread, select(2) over all: at most 1,024 descriptors, O(n) per wake-up",
    configure};

}  // namespace echo_async
