// What is sent on a connection, independent of who runs it.
//
// A model (thread, callback, ...) reads bytes and passes them to the protocol, which returns the
// bytes to send back. The cost is one virtual call per read, ~2 ns of the 5 us per round trip, and
// no copy.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace server {

class Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The reply to `received`. The model writes all of it before the next read: that is the
  /// back-pressure. It may lie inside `received` and is valid until that buffer is used again.
  /// Called by many threads.
  [[nodiscard]] virtual std::span<const std::byte> reply_to(
      std::span<std::byte> received) const = 0;
};

/// The echo protocol, RFC 862: sends back what it receives.
class EchoProtocol final : public Protocol {
 public:
  [[nodiscard]] std::string_view name() const override { return "echo"; }
  [[nodiscard]] std::span<const std::byte> reply_to(std::span<std::byte> received) const override {
    return received;
  }
};

}  // namespace server
