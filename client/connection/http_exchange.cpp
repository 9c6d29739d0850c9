#include "client/connection/http_exchange.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "client/connection/greeting.hpp"

namespace client {
namespace {

using Bytes = std::span<const std::byte>;
using protocol::ResponseParser;

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

HttpExchange::HttpExchange(const HttpRequest& request, const echo::Payload& payload,
                           const MessageSizes& sizes)
    : request_(request), payload_(payload), sizes_(sizes) {}

// ---- requests -----------------------------------------------------------------------------------

std::string_view HttpExchange::head_of(std::uint32_t size) {
  if (!request_.has_body()) return request_.head();
  if (size != head_size_) {
    head_ = request_.head() + std::to_string(size) + "\r\n\r\n";
    head_size_ = size;
  }
  return head_;
}

std::uint32_t HttpExchange::request_size(const Connection& connection, std::uint32_t message) {
  const std::uint32_t body = body_size(connection, message);
  return static_cast<std::uint32_t>(head_of(body).size()) + body;
}

Filled HttpExchange::fill(const Connection& connection, std::span<std::byte> room) {
  // Fast path: one whole request.
  const std::uint32_t body = body_size(connection, connection.writing);
  const std::string_view head = head_of(body);
  if (connection.written != 0 || connection.begun - connection.writing != 1 ||
      head.size() + body > room.size()) {
    return fill_any(connection, room);
  }
  std::memcpy(room.data(), head.data(), head.size());
  if (body > 0)
    payload_.fill({connection.number, connection.writing}, 0, room.subspan(head.size(), body));
  return {static_cast<std::uint32_t>(head.size()) + body, connection.writing + 1, 0};
}

Filled HttpExchange::fill_any(const Connection& connection, std::span<std::byte> room) {
  Filled filled{0, connection.writing, connection.written};
  while (filled.writing < connection.begun && filled.bytes < room.size()) {
    const std::uint32_t body = body_size(connection, filled.writing);
    const std::string_view head = head_of(body);
    const auto head_size = static_cast<std::uint32_t>(head.size());
    const std::span<std::byte> free = room.subspan(filled.bytes);
    std::uint32_t count = 0;
    if (filled.written < head_size) {
      const std::string_view rest = head.substr(filled.written);
      count = static_cast<std::uint32_t>(std::min(rest.size(), free.size()));
      std::memcpy(free.data(), rest.data(), count);
    } else {
      const std::uint32_t offset = filled.written - head_size;
      count = static_cast<std::uint32_t>(std::min<std::size_t>(body - offset, free.size()));
      payload_.fill({connection.number, filled.writing}, offset, free.first(count));
    }
    filled.bytes += count;
    filled.written += count;
    if (filled.written < head_size + body) continue;
    ++filled.writing;
    filled.written = 0;
  }
  return filled;
}

void HttpExchange::sent_part(Connection& connection, std::size_t bytes) {
  std::uint64_t left = connection.written + bytes;
  for (;;) {
    const std::uint32_t size = request_size(connection, connection.writing);
    if (left < size) break;
    left -= size;
    ++connection.writing;
  }
  connection.written = static_cast<std::uint32_t>(left);
}

// ---- responses ----------------------------------------------------------------------------------

void HttpExchange::answered(Connection& connection, std::uint64_t body, IoResult& io) {
  bodies_.push_back(body);
  ++connection.echoed;
  ++io.echoes;
}

bool HttpExchange::holds_whole(const Connection& connection, Bytes body) const {
  if (request_.has_body()) {
    const echo::MessageId id{connection.number, connection.echoed};
    return body.size() == sizes_.of(id) && payload_.holds(id, 0, body);
  }
  if (!request_.expected_body) return true;
  const std::string& expected = *request_.expected_body;
  return body.size() == expected.size() &&
         std::memcmp(body.data(), expected.data(), expected.size()) == 0;
}

IoResult HttpExchange::take(Connection& connection, Bytes got) {
  bodies_.clear();
  // Fast path: exactly one whole, correct response, with a head that was parsed before.
  const bool begins = connection.received == 0 && connection.writing > connection.echoed;
  if (begins && known_.begins(got)) {
    const Bytes body = got.subspan(known_.size());
    if (body.size() == known_.length() && holds_whole(connection, body)) {
      IoResult io;
      answered(connection, body.size(), io);
      return io;
    }
  }
  return take_any(connection, got);
}

IoResult HttpExchange::take_any(Connection& connection, Bytes got) {
  IoResult io;
  const bool first_bytes = connection.received == 0 && connection.echoed == 0;
  const Bytes all = got;
  const auto fail = [&](Outcome outcome) {
    parts_.erase(&connection);
    io.kind = IoResult::Kind::failed;
    io.outcome = outcome;
    const bool unexpected = outcome == Outcome::extra || outcome == Outcome::parse_error;
    if (unexpected && first_bytes) protocol_ = protocol_of_first(all);
    return io;
  };
  while (!got.empty()) {
    const bool nothing_sent = connection.writing == connection.echoed && connection.written == 0;
    if (connection.in_flight() == 0 || nothing_sent) return fail(Outcome::extra);
    const bool begins = connection.received == 0;
    Part fresh;
    if (begins && known_.begins(got)) {
      fresh.parser = ResponseParser{known_.status(), known_.length()};
      got = got.subspan(known_.size());
    }
    Part& part = begins ? fresh : parts_.at(&connection);
    const Progress progress = read_on(connection, part, got, io);
    if (progress == Progress::failed) return fail(io.outcome);
    if (progress == Progress::part) {
      connection.received = 1;
      if (begins) parts_.insert_or_assign(&connection, fresh);
      return io;
    }
    const bool persists = part.parser.persists() && !request_.closes();
    answered(connection, part.body, io);
    connection.received = 0;
    if (!begins) parts_.erase(&connection);
    if (persists) continue;
    if (!got.empty()) return fail(Outcome::extra);
    io.kind = IoResult::Kind::closes;
  }
  return io;
}

HttpExchange::Progress HttpExchange::read_on(const Connection& connection, Part& part, Bytes& got,
                                             IoResult& io) {
  const bool begins = connection.received == 0;
  const Bytes from = got;
  const auto wrong = [&io](Outcome outcome) {
    io.outcome = outcome;
    return Progress::failed;
  };
  for (;;) {
    Bytes piece;
    switch (part.parser.next(got, piece)) {
      case ResponseParser::Event::more:
        return Progress::part;
      case ResponseParser::Event::head: {
        const ResponseParser& parser = part.parser;
        if (const Outcome how = judge_status(parser.status()); how != Outcome::served)
          return wrong(how);
        if (begins && parser.persists() && parser.has_length() && !parser.had_interim() &&
            !request_.closes())
          known_.keep(from.first(from.size() - got.size()), parser.status(), parser.length());
        break;
      }
      case ResponseParser::Event::body:
        if (const Outcome how = judge(connection, part.body, piece); how != Outcome::served)
          return wrong(how);
        part.body += piece.size();
        break;
      case ResponseParser::Event::end:
        if (const Outcome how = judge_end(connection, part); how != Outcome::served)
          return wrong(how);
        return Progress::whole;
      case ResponseParser::Event::wrong:
        fault_ = protocol::text_of(part.parser.fault());
        return wrong(Outcome::parse_error);
    }
  }
}

Outcome HttpExchange::judge_status(std::uint16_t status) const {
  const bool expected =
      request_.expected_status ? status == *request_.expected_status : status / 100 == 2;
  if (expected) return Outcome::served;
  return status / 100 == 4   ? Outcome::status_4xx
         : status / 100 == 5 ? Outcome::status_5xx
                             : Outcome::status_other;
}

Outcome HttpExchange::judge(const Connection& connection, std::uint64_t offset, Bytes piece) {
  if (!request_.has_body() && !request_.expected_body) return Outcome::served;
  const std::uint64_t size = request_.has_body() ? body_size(connection, connection.echoed)
                                                 : request_.expected_body->size();
  const Bytes ours =
      piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(size - offset, piece.size())));
  std::optional<echo::Mismatch> found;
  if (request_.has_body()) {
    found = payload_.verify({connection.number, connection.echoed}, offset, ours);
  } else {
    const Bytes expected =
        bytes_of(*request_.expected_body).subspan(static_cast<std::size_t>(offset), ours.size());
    const auto [bad, right] = std::mismatch(ours.begin(), ours.end(), expected.begin());
    if (bad != ours.end())
      found = echo::Mismatch{offset + static_cast<std::uint64_t>(bad - ours.begin()), *right, *bad,
                             std::nullopt};
  }
  if (found) {
    mismatch_ = found;
    return found->owner ? Outcome::foreign : Outcome::mismatch;
  }
  return ours.size() < piece.size() ? Outcome::extra : Outcome::served;
}

Outcome HttpExchange::judge_end(const Connection& connection, const Part& part) const {
  // A request that was not sent completely has no complete answer yet.
  if (connection.writing == connection.echoed) return Outcome::extra;
  const std::uint64_t expected = request_.has_body()      ? body_size(connection, connection.echoed)
                                 : request_.expected_body ? request_.expected_body->size()
                                                          : part.body;
  return part.body < expected ? Outcome::short_echo : Outcome::served;
}

std::string_view HttpExchange::protocol_of_first(Bytes first) const {
  const Bytes head = bytes_of(request_.head());
  const std::size_t both = std::min(head.size(), first.size());
  if (both > 0 &&
      std::equal(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(both), first.begin())) {
    return "echo";
  }
  // A wrong response of an HTTP server is no sign of another protocol.
  const std::string_view protocol = protocol_of(first);
  return protocol == "HTTP" ? "" : protocol;
}

// ---- ends ---------------------------------------------------------------------------------------

IoResult HttpExchange::take_end(Connection& connection) {
  bodies_.clear();
  if (connection.in_flight() == 0) return {.kind = IoResult::Kind::eof};
  if (connection.received == 0)
    return failed(connection.is_reused() ? Outcome::stale_connection : Outcome::closed_early);
  const auto entry = parts_.find(&connection);
  const Part part = entry->second;
  parts_.erase(entry);
  if (part.parser.at_fin() != ResponseParser::Event::end) return failed(Outcome::short_echo);
  if (const Outcome how = judge_end(connection, part); how != Outcome::served) return failed(how);
  connection.received = 0;
  IoResult io{.kind = IoResult::Kind::closes};
  answered(connection, part.body, io);
  return io;
}

IoResult HttpExchange::take_error(Connection& connection, int error) {
  IoResult io = failed_by(error);
  const bool unanswered = connection.received == 0 && connection.in_flight() > 0;
  if (io.outcome == Outcome::reset && unanswered && connection.is_reused())
    io.outcome = Outcome::stale_connection;
  return io;
}

}  // namespace client
