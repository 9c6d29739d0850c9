// The connects of a loop: begins them, and finds out from their events how each ended.
//
// Over loopback a connection is established when connect(2) returns EINPROGRESS, because the
// handshake runs inside the call. Its event then comes with the next wait.
#pragma once

#include <cstdint>

#include "client/connection/connection.hpp"
#include "client/connection/connector.hpp"
#include "client/connection/transport.hpp"
#include "client/engine/event_wait.hpp"

namespace client {

/// How far a connect is.
struct Handshake {
  enum class Progress : std::uint8_t { pending, established, failed };
  Progress progress = Progress::pending;
  int error = 0;  ///< errno, if it failed
};

class Handshakes {
 public:
  Handshakes(const Connector& connector, Transport& transport, EventWait& events)
      : connector_(connector), transport_(transport), events_(events) {}

  /// Begins the connect of `connection`, whose number selects its target and its source.
  Handshake begin(Connection& connection) {
    return take(connection, connector_.begin(connection.number));
  }
  /// Takes a connect that was begun already.
  static Handshake take(Connection& connection, Attempt attempt);
  /// Sends the first message without waiting for the connect. Established if the kernel takes any
  /// of it.
  Handshake send_first(Connection& connection);
  /// How far the pending connect of `connection` is, by its `events`.
  static Handshake after(const Connection& connection, std::uint32_t events);
  /// Registers the socket, once. `for_writing`: for the connect, or for bytes that are still to be
  /// sent. Returns 0 or errno.
  [[nodiscard]] int watch(const Connection& connection, std::uint32_t index, bool for_writing) {
    return events_.watch(connection.fd, EPOLLIN | EPOLLRDHUP | (for_writing ? EPOLLOUT : 0U),
                         index);
  }

  /// What is ready on a registered socket is reported again, with the next wait. Returns 0 or
  /// errno.
  [[nodiscard]] int watch_again(const Connection& connection, std::uint32_t index) {
    return events_.watch_again(connection.fd, EPOLLIN | EPOLLRDHUP | EPOLLOUT, index);
  }

 private:
  const Connector& connector_;
  Transport& transport_;
  EventWait& events_;
};

/// The outcome of a connect that failed with errno `error`.
Outcome outcome_of_connect(int error);

}  // namespace client
