// select(2): one thread that asks the kernel about every descriptor, each time anew.
//
// The oldest way to serve many with one thread, and the reason for all that came after it. Three
// bitmaps go into the kernel and come back, and both sides walk through all bits up to the highest
// descriptor: each wake-up costs O(connections), however few of them have something to say. A
// bitmap has FD_SETSIZE bits, 1,024, and glibc aborts whoever sets a higher one, so what gets a
// higher descriptor is closed and counted. It wins nowhere today, and loses least where most of its
// connections are busy: then one call tells of many.
// Source: "multiplexingio_server". Try it: ./echo_async --model select & ./client -n 1000
#include <fmt/format.h>
#include <sys/select.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "echo/exit_code.hpp"
#include "echo_async/peers.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {
namespace {

using Clock = Peers::Clock;

class Server {
 public:
  explicit Server(const server::Serving& serving)
      : serving_(serving),
        listener_(std::move(serving.listeners.take().front())),
        acceptor_(listener_.get(), serving.counters, serving.options.max_connections, true),
        peers_(serving, 0) {
    for (const int fd : {listener_.get(), serving.stop.drain_fd(), serving.stop.force_fd()}) {
      if (fd >= FD_SETSIZE) {
        throw echo::Exit(echo::exit_refused,
                         fmt::format("select(2) cannot wait for descriptor {}: too many were open "
                                     "when the server began",
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
      const auto due = peers_.next_due();
      if (due) peers_.do_due(Clock::now(), [this](Peer& peer, Next next) { watch(peer, next); });
      if (FD_ISSET(serving_.stop.drain_fd(), &readable_)) drain();
      if (listener_ && (acceptor_.paused_until() || FD_ISSET(listener_.get(), &readable_))) {
        accept_all();
      }
      if (!listener_ && peers_.count() == 0) return;
    }
  }

 private:
  void wait() {
    readable_ = reading_;
    writable_ = writing_;
    if (listener_ && !acceptor_.paused_until()) FD_SET(listener_.get(), &readable_);
    timeval left = time_left();
    const bool for_ever = left.tv_sec < 0;
    const int end = std::max({peers_.end_fd(), listener_.get() + 1, serving_.stop.drain_fd() + 1,
                              serving_.stop.force_fd() + 1});
    if (::select(end, &readable_, &writable_, nullptr, for_ever ? nullptr : &left) >= 0) return;
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "select");
    FD_ZERO(&readable_);
    FD_ZERO(&writable_);
  }

  /// Until something is due that no descriptor tells of; -1 s: nothing is.
  [[nodiscard]] timeval time_left() const {
    auto due = peers_.next_due();
    const auto paused = listener_ ? acceptor_.paused_until() : std::nullopt;
    if (paused && (!due || *paused < *due)) due = paused;
    if (!due) return {-1, 0};
    const auto left = std::max(std::chrono::ceil<std::chrono::microseconds>(*due - Clock::now()),
                               std::chrono::microseconds{0})
                          .count();
    return {left / 1'000'000, left % 1'000'000};
  }

  /// The other half of what a wake-up costs: the kernel says that some are ready, not which.
  void serve_ready() {
    peers_.for_each([this](Peer& peer) {
      if (FD_ISSET(peer.fd, &readable_)) {
        watch(peer, peers_.dialogue().on_readable(peer));
      } else if (FD_ISSET(peer.fd, &writable_)) {
        watch(peer, peers_.dialogue().on_writable(peer));
      }
    });
  }

  void accept_all() {
    while (echo::Descriptor socket = acceptor_.accept(peers_.count())) {
      if (socket.get() >= FD_SETSIZE) {
        serving_.counters.shed(server::Shed::fd_setsize);
        continue;
      }
      if (const Peer* peer = peers_.enter(std::move(socket))) FD_SET(peer->fd, &reading_);
    }
  }

  /// select is asked again in any case: what is left in a socket it tells of again.
  void watch(Peer& peer, Next next) {
    FD_CLR(peer.fd, &reading_);
    FD_CLR(peer.fd, &writing_);
    if (next == Next::read || next == Next::again) FD_SET(peer.fd, &reading_);
    if (next == Next::write) FD_SET(peer.fd, &writing_);
    if (next == Next::close) peers_.leave(peer);
  }

  void drain() {
    FD_CLR(serving_.stop.drain_fd(), &reading_);  // it stays readable for ever
    listener_.reset();
    peers_.drain();
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  Peers peers_;
  fd_set reading_{}, writing_{};    ///< what is watched
  fd_set readable_{}, writable_{};  ///< what select made of it
};

/// A Peer, and its bits.
constexpr std::uint64_t state_bytes = sizeof(Peer) + 1;

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand =
              [](const server::ServerOptions&, std::uint64_t connections) {
                limits::Traits traits = limits::event_traits(state_bytes, 0);
                traits.descriptors_below = FD_SETSIZE;
                return limits::Demand{connections, traits};
              },
          .serve = [](const server::Serving& serving) { Server{serving}.run(); }};
}

}  // namespace

extern constinit const server::Model select{
    "select", "one thread, select(2) over all: at most 1,024 descriptors, O(n) a wake-up",
    configure};

}  // namespace echo_async
