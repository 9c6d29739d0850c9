// A TCP server in this process that does with each connection what a script says.
//
// A thread a connection and plain blocking calls, so that a lie reads as one: receive the message,
// send half of it, reset. Every wait ends when the liar does. It listens on port 0 of loopback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/socket.hpp"
#include "echo/stop.hpp"
#include "tests/faults/bounds.hpp"

namespace faults {

using Bytes = std::vector<std::byte>;

/// The server's end of one connection; closed when the script returns.
class Peer {
 public:
  Peer(echo::Descriptor socket, std::uint64_t index, const echo::Stop& stop)
      : index(index), socket_(std::move(socket)), stop_(stop) {}

  /// As many as come, up to `count`; fewer only at the end of the connection or of the liar.
  Bytes receive(std::size_t count);
  /// What is there, at least one byte; none at the end.
  Bytes receive_some();
  bool send(std::span<const std::byte> bytes);
  /// Stays silent for a while, which is the lie itself. False when the liar ends.
  bool pause(nanoseconds time);
  /// Reads until the client's FIN, and drops what comes.
  void await_fin();
  /// Reads nothing, until the liar ends.
  void ignore();
  /// Ends the connection with RST instead of FIN.
  void reset();

  const std::uint64_t index;  ///< the how-manieth connection: the client opens its own in order

 private:
  bool wait(short events);

  echo::Descriptor socket_;
  const echo::Stop& stop_;
};

using Script = std::function<void(Peer&)>;

/// The truth: everything comes back, until the client's FIN.
void honest(Peer& peer);

/// Containers often come without ::1.
bool has_ipv6_loopback();

enum class Listen { at_once, later };

class Liar {
 public:
  explicit Liar(Script script, const std::string& host = "127.0.0.1",
                Listen when = Listen::at_once);
  Liar(const Liar&) = delete;
  Liar& operator=(const Liar&) = delete;
  ~Liar();

  [[nodiscard]] const echo::Endpoint& where() const { return where_; }
  [[nodiscard]] std::string target() const { return where_.text(); }
  [[nodiscard]] std::uint16_t port() const { return where_.port(); }
  /// From Listen::later on: until then connects are refused.
  void listen();

 private:
  void accept_all();

  Script script_;
  echo::Stop stop_;
  echo::Descriptor listener_;
  echo::Endpoint where_;
  std::vector<std::thread> peers_;
  std::thread acceptor_;
};

}  // namespace faults
