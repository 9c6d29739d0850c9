// A TCP server in this process that runs a script on each connection.
//
// One thread per connection and plain blocking calls, so that a script reads as the fault it makes:
// receive the message, send half of it, reset. Every wait ends with the Liar. It listens on port 0
// of loopback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/socket.hpp"
#include "echo/stop.hpp"
#include "tests/faults/bounds.hpp"

namespace faults {

using Bytes = std::vector<std::byte>;

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// The server's end of one connection; closed when the script returns.
class Peer {
 public:
  Peer(echo::Descriptor socket, std::uint64_t index, const echo::Stop& stop)
      : index(index), socket_(std::move(socket)), stop_(stop) {}

  /// Receives `count` bytes; fewer only at the end of the connection or of the Liar.
  Bytes receive(std::size_t count);
  /// Receives what is available, at least one byte; none at the end.
  Bytes receive_some();
  bool send(std::span<const std::byte> bytes);
  /// Stays silent for `time`, which is the fault itself. False when the Liar ends.
  bool pause(nanoseconds time);
  /// Reads until the client's FIN, and drops what comes.
  void await_fin();
  /// Reads nothing until the Liar ends.
  void ignore();
  /// Ends the connection with RST instead of FIN.
  void reset();

  const std::uint64_t index;  ///< of the connection, from 0: the client opens them in order

 private:
  bool wait(short events);

  echo::Descriptor socket_;
  const echo::Stop& stop_;
};

using Script = std::function<void(Peer&)>;

/// The script without a fault: echoes everything until the client's FIN.
void honest(Peer& peer);

/// Whether ::1 can be bound; containers often have no ::1.
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
  /// Begins to listen, after Listen::later: until then connects are refused.
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
