// Accepting connections, and handling each error of accept(2).
//
// The trap is EMFILE: the connection stays in the queue, the listener stays readable, and a loop
// that only logs the error spins on a full core while the peer waits forever. The solution is the
// reserve descriptor: close it, accept with it, close the connection, open it again; then do not
// poll the listener for a while. The peer sees the close immediately, the connections being served
// are not affected, and the count names the cause.
// Source: libev's manual, "The special problem of accept()ing when you can't"
// (http://pod.tst.eu/http://cvs.schmorp.de/libev/ev.pod); muduo's net/Acceptor.cc
// (https://github.com/chenshuo/muduo).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <shared_mutex>

#include "echo/descriptor.hpp"
#include "server/counters.hpp"

namespace server {

/// How to continue after an errno of accept(2).
enum class AcceptAdvice {
  nothing_waits,  ///< EAGAIN
  retry,          ///< the connection failed in the queue: take the next, BackOff permitting
  shed,           ///< EMFILE, ENFILE: no descriptor; shed with the reserve, then pause
  back_off,       ///< ENOBUFS, ENOMEM: the kernel has no memory; pause, the connection waits
  fatal,          ///< an error of this program: EBADF, EFAULT, EINVAL, ENOTSOCK
};
AcceptAdvice advice_for(int accept_errno);

/// An open descriptor that is closed to make room for one accept(2) when no other is left.
class ReserveDescriptor {
 public:
  ReserveDescriptor();
  /// Accepts one waiting connection with the reserve and closes it. False when none was accepted.
  bool shed_one(int listener);
  /// Sheds and counts waiting connections, one batch at most: the connections in service continue
  /// however fast new ones arrive. The caller then pauses. False when none was shed.
  bool shed_batch(int listener, Counters& counters);

 private:
  echo::Descriptor reserve_;
};

/// Pauses of 10 ms, doubling to 500 ms while failures continue. A success resets it, and so does
/// shedding a connection: peers that cannot be served should see the close soon. Pure.
class BackOff {
 public:
  std::chrono::milliseconds next();
  /// After AcceptAdvice::retry: whether to take the next connection at once. False once in a while:
  /// pause. Where each accept(2) fails (a firewall's rule, a security module), the listener stays
  /// readable, and a loop that always retries would neither end nor notice the stop.
  bool retries_at_once() { return ++failed_ % failures_in_a_row != 0; }
  void reset() {
    next_ = first;
    failed_ = 0;
  }

 private:
  static constexpr unsigned failures_in_a_row = 16;
  static constexpr std::chrono::milliseconds first{10};
  static constexpr std::chrono::milliseconds last{500};
  std::chrono::milliseconds next_ = first;
  unsigned failed_ = 0;
};

/// Connections that a loop accepts before its stop and its other connections have their turn, even
/// while new ones keep coming: ~3 us each.
inline constexpr int accepts_in_a_row = 512;

/// True when one more connection may be served; otherwise counts it as shed, and the caller closes
/// it. `limit` unset: no limit.
bool admit(Counters& counters, std::uint64_t open, std::optional<std::uint64_t> limit);

/// State shared by the acceptors of several threads. When one closes its reserve in order to shed,
/// another must not accept with that descriptor. All of them together should take no more CPU than
/// one acceptor.
struct SharedAccept {
  std::shared_mutex mutex;
  int acceptors = 1;
};

/// Accepts from one listener, for models that own their descriptors. Each thread has its own.
class Acceptor {
 public:
  using Clock = std::chrono::steady_clock;

  /// `shared_accept`: the state that all accepting threads share (Listeners::shared_accept());
  /// nullptr where one thread accepts.
  Acceptor(int listener, Counters& counters, std::optional<std::uint64_t> max_connections,
           bool nonblocking, SharedAccept* shared_accept = nullptr)
      : listener_(listener),
        counters_(counters),
        max_connections_(max_connections),
        nonblocking_(nonblocking),
        shared_accept_(shared_accept) {}

  /// The next connection, or an empty Descriptor when none waits or accepting is paused, and after
  /// a batch of connections beyond `max_connections`: the caller then polls the listener and its
  /// stop again. `open`: connections that the model holds now. Throws std::system_error on a fatal
  /// error.
  echo::Descriptor accept(std::uint64_t open);

  /// While set, do not poll the listener: it is readable, but its connections cannot be accepted.
  /// Cleared by the first accept() after that time.
  [[nodiscard]] std::optional<Clock::time_point> paused_until() const { return paused_until_; }
  /// The same for poll(2): milliseconds until that time, or -1.
  [[nodiscard]] int pause_ms() const;

 private:
  echo::Descriptor take_one();
  bool shed();
  void pause();

  int listener_;
  Counters& counters_;
  std::optional<std::uint64_t> max_connections_;
  bool nonblocking_;
  SharedAccept* shared_accept_;
  ReserveDescriptor reserve_;
  BackOff back_off_;
  std::optional<Clock::time_point> paused_until_;
};

}  // namespace server
