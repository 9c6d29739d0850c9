// Accepting connections, and all the ways in which accept(2) can fail.
//
// The trap is EMFILE: the connection stays in the queue, the listener stays readable, and a loop
// that only logs the error spins on a full core while the peer waits for ever. The cure is the
// reserve descriptor (libev's documentation; muduo's net/Acceptor.cc): give it up, accept with it,
// close the connection, take it back; then leave the listener alone for a while. The peer learns at
// once, the connections being served notice nothing, and the count says what happened.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <shared_mutex>

#include "echo/descriptor.hpp"
#include "server/counters.hpp"

namespace server {

/// What an errno of accept(2) asks for.
enum class AcceptAdvice {
  nothing_waits,  ///< EAGAIN
  retry,          ///< that connection died in the queue (accept(2) lists them): take the next
  shed,           ///< EMFILE, ENFILE: no descriptor; shed with the reserve, then pause
  back_off,       ///< ENOBUFS, ENOMEM: the kernel has no memory; pause
  fatal,          ///< a mistake of ours: EBADF, EINVAL, ...
};
AcceptAdvice advice_for(int accept_errno);

/// The descriptor kept for a bad day.
class ReserveDescriptor {
 public:
  ReserveDescriptor();
  /// Accepts one waiting connection with the reserve and closes it. False if none could be.
  bool shed_one(int listener);
  /// Sheds and counts what waits, up to a batch: whoever has connections to serve gets on with
  /// them, however fast others come. A pause is to follow. False if not even one could be.
  bool shed_batch(int listener, Counters& counters);

 private:
  echo::Descriptor reserve_;
};

/// Pauses of 10 ms, doubling to 500 ms while failures go on; reset by a success, be it only that of
/// shedding: peers that cannot be served are to learn it soon. Pure.
class BackOff {
 public:
  std::chrono::milliseconds next();
  void reset() { next_ = first; }

 private:
  static constexpr std::chrono::milliseconds first{10};
  static constexpr std::chrono::milliseconds last{500};
  std::chrono::milliseconds next_ = first;
};

/// Whether one more may be served, else closes and counts it. `limit` unset: no limit.
bool admit(Counters& counters, std::uint64_t open, std::optional<std::uint64_t> limit);

/// What the acceptors of several threads share. One that gives up its reserve in order to shed must
/// not lose it to another's accept; and all of them together are to take as little of a processor
/// as one would.
struct SharedAccept {
  std::shared_mutex mutex;
  int takers = 1;
};

/// Accepts from one listener for models that hold descriptors themselves. Not shared by threads.
class Acceptor {
 public:
  using Clock = std::chrono::steady_clock;

  /// `shared_accept`: where several threads accept, the one that they share
  /// (Listeners::shared_accept()). What one of them gives up of the descriptor table in order to
  /// shed, another must not take meanwhile.
  Acceptor(int listener, Counters& counters, std::optional<std::uint64_t> max_connections,
           bool nonblocking, SharedAccept* shared_accept = nullptr)
      : listener_(listener),
        counters_(counters),
        max_connections_(max_connections),
        nonblocking_(nonblocking),
        shared_accept_(shared_accept) {}

  /// The next connection, or an empty Descriptor when none waits or accepting is paused. `open` is
  /// what the model holds now. Throws std::system_error on a fatal error.
  echo::Descriptor accept(std::uint64_t open);

  /// While set, polling the listener is pointless: it is readable and cannot be served. Cleared by
  /// the first accept() after that moment.
  [[nodiscard]] std::optional<Clock::time_point> paused_until() const { return paused_until_; }
  /// The same for poll(2): milliseconds until then, or -1.
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
