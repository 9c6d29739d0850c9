// Moves the bytes of an exchange between this program and the peers of its connections.
//
// A loop sees this interface only. KernelTransport is the one over the kernel's sockets; what is
// exchanged is its parameter, so that the calls on the path of an echo are resolved by the
// compiler (85 of 610 instructions otherwise, docs/decisions/0019).
#pragma once

#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>

#include "client/connection/exchange.hpp"
#include "client/connection/receive_sampler.hpp"
#include "echo/socket.hpp"

namespace client {

class Transport {
 public:
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Sends the begun messages until the socket buffer is full.
  virtual IoResult send_more(Connection& connection) = 0;
  /// Receives what has arrived and passes it to the exchange. `until_eof`: the kernel has reported
  /// a FIN, so a short read is not the end of the data. One read: a peer that sends without end
  /// must not keep the loop from its other connections; `more` shows whether to call it again.
  virtual IoResult receive(Connection& connection, bool until_eof) = 0;
  [[nodiscard]] virtual std::uint64_t verified_bytes(const Connection& connection,
                                                     std::uint32_t message) const = 0;
  // Of the exchange: the wrong byte, the protocol of a server that speaks another one, and what is
  // no response at all.
  [[nodiscard]] virtual const std::optional<echo::Mismatch>& mismatch() const = 0;
  [[nodiscard]] virtual std::string_view protocol() const = 0;
  [[nodiscard]] virtual std::string_view fault() const = 0;
  /// Bytes received so far, of all connections, right or wrong.
  [[nodiscard]] virtual std::uint64_t received() const = 0;
  /// Measures how long bytes lay in a socket before receive().
  [[nodiscard]] virtual ReceiveSampler& sampler() = 0;

 protected:
  Transport() = default;
};

/// Over non-blocking sockets of the kernel. It reads while it writes: with a message larger than
/// both socket buffers, client and server would otherwise wait for each other. One buffer serves
/// all connections.
template <Exchange E>
class KernelTransport final : public Transport {
 public:
  explicit KernelTransport(E exchange)
      : exchange_(std::move(exchange)),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_size)) {}

  IoResult send_more(Connection& connection) override {
    while (connection.writing < connection.begun) {
      const Filled filled = exchange_.fill(connection, {buffer_.get(), buffer_size});
      const ssize_t sent = echo::raw_send(connection.fd, {buffer_.get(), filled.bytes});
      if (sent < 0) [[unlikely]] {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) break;
        return exchange_.take_error(connection, errno);
      }
      if (static_cast<std::size_t>(sent) < filled.bytes) [[unlikely]] {  // the buffer is full
        exchange_.sent_part(connection, static_cast<std::size_t>(sent));
        break;
      }
      connection.writing = filled.writing;
      connection.written = filled.written;
    }
    return {};
  }

  IoResult receive(Connection& connection, bool until_eof) override {
    for (;;) {
      const ssize_t received = read(connection);
      if (received < 0 && errno == EINTR) continue;
      if (received < 0 && errno == EAGAIN) return {};
      if (received < 0) return exchange_.take_error(connection, errno);
      if (received == 0) return exchange_.take_end(connection);
      const auto size = static_cast<std::size_t>(received);
      received_ += size;
      IoResult io = exchange_.take(connection, {buffer_.get(), size});
      io.more = until_eof || size == buffer_size;
      return io;
    }
  }

  [[nodiscard]] std::uint64_t verified_bytes(const Connection& connection,
                                             std::uint32_t message) const override {
    return exchange_.verified_bytes(connection, message);
  }
  [[nodiscard]] const std::optional<echo::Mismatch>& mismatch() const override {
    return exchange_.mismatch();
  }
  [[nodiscard]] std::string_view protocol() const override { return exchange_.protocol(); }
  [[nodiscard]] std::string_view fault() const override { return exchange_.fault(); }
  [[nodiscard]] std::uint64_t received() const override { return received_; }
  [[nodiscard]] ReceiveSampler& sampler() override { return sampler_; }
  [[nodiscard]] const E& exchange() const { return exchange_; }

 private:
  ssize_t read(const Connection& connection) {
    const std::span<std::byte> room{buffer_.get(), buffer_size};
    if (sampler_.due(connection)) [[unlikely]]
      return sampler_.receive(connection.fd, room);
    return echo::raw_receive(connection.fd, room);
  }

  static constexpr std::size_t buffer_size = 64U << 10U;

  std::uint64_t received_ = 0;
  ReceiveSampler sampler_;
  E exchange_;
  std::unique_ptr<std::byte[]> buffer_;  ///< uninitialised: unused pages are not resident
};

}  // namespace client
