#include "client/connection/echo_exchange.hpp"

#include <algorithm>

#include "client/connection/greeting.hpp"

namespace client {

Filled EchoExchange::fill(const Connection& connection, std::span<std::byte> room) {
  // Fast path: one whole message, which is what nearly every send contains.
  const std::uint32_t size = size_of(connection, connection.writing);
  if (connection.written == 0 && connection.begun - connection.writing == 1 &&
      size <= room.size()) {
    payload_.fill({connection.number, connection.writing}, 0, room.first(size));
    return {size, connection.writing + 1, 0};
  }
  return fill_any(connection, room);
}

Filled EchoExchange::fill_any(const Connection& connection, std::span<std::byte> room) {
  Filled filled{0, connection.writing, connection.written};
  while (filled.writing < connection.begun && filled.bytes < room.size()) {
    const std::uint32_t size = size_of(connection, filled.writing);
    const auto free = static_cast<std::uint32_t>(room.size()) - filled.bytes;
    const std::uint32_t count = std::min(size - filled.written, free);
    payload_.fill({connection.number, filled.writing}, filled.written,
                  room.subspan(filled.bytes, count));
    filled.bytes += count;
    filled.written += count;
    if (filled.written < size) break;
    ++filled.writing;
    filled.written = 0;
  }
  return filled;
}

void EchoExchange::sent_part(Connection& connection, std::size_t bytes) {
  std::uint64_t left = connection.written + bytes;
  while (left >= size_of(connection, connection.writing))
    left -= size_of(connection, connection.writing++);
  connection.written = static_cast<std::uint32_t>(left);
}

IoResult EchoExchange::take(Connection& connection, std::span<const std::byte> got) {
  // Fast path: exactly one whole, correct message, which is what nearly every receive returns.
  const bool begins = connection.received == 0 && connection.writing > connection.echoed;
  if (begins && got.size() == size_of(connection, connection.echoed) &&
      payload_.holds({connection.number, connection.echoed}, 0, got)) {
    ++connection.echoed;
    return {.echoes = 1};
  }
  return take_any(connection, got);
}

IoResult EchoExchange::take_any(Connection& connection, std::span<const std::byte> got) {
  IoResult io;
  const bool first_bytes = connection.received == 0 && connection.echoed == 0;
  const std::span<const std::byte> all = got;
  while (!got.empty()) {
    // Bytes that were not sent yet cannot come back.
    const bool whole = connection.writing > connection.echoed;
    const std::uint32_t size =
        connection.in_flight() > 0 ? size_of(connection, connection.echoed) : 0;
    const std::uint32_t sent = whole ? size : connection.written;
    const std::size_t ours = std::min<std::size_t>(sent - connection.received, got.size());
    if (size == 0 || ours == 0) {
      io.kind = IoResult::Kind::failed;
      io.outcome = Outcome::extra;
      if (first_bytes) protocol_ = protocol_of(all);
      return io;
    }
    const echo::MessageId id{connection.number, connection.echoed};
    if (const auto mismatch = payload_.verify(id, connection.received, got.first(ours))) {
      io.kind = IoResult::Kind::failed;
      io.outcome = mismatch->owner ? Outcome::foreign : Outcome::mismatch;
      mismatch_ = mismatch;
      if (first_bytes) protocol_ = protocol_of(all);
      return io;
    }
    got = got.subspan(ours);
    connection.received += static_cast<std::uint32_t>(ours);
    if (connection.received < size) continue;
    connection.received = 0;
    ++connection.echoed;
    ++io.echoes;
  }
  return io;
}

IoResult EchoExchange::take_end(Connection& connection) {
  if (connection.in_flight() == 0) return {.kind = IoResult::Kind::eof};
  return failed(connection.received == 0 ? Outcome::closed_early : Outcome::short_echo);
}

}  // namespace client
