// Requests and responses of HTTP/1.1: status, framing and length are checked, and each byte of a
// body of which it is known what it must be.
//
// No received byte is stored. A response that comes whole in one read, with the head of the last
// good one, costs two comparisons and needs no state for its connection; one that comes in part has
// an entry in a table until its end.
#pragma once

#include <unordered_map>
#include <vector>

#include "client/connection/exchange.hpp"
#include "client/connection/http_request.hpp"
#include "client/schedule/sizes.hpp"
#include "protocol/http/known_head.hpp"
#include "protocol/http/response_parser.hpp"

namespace client {

class HttpExchange {
 public:
  /// The references must outlive it. `payload` and `sizes`: of the bodies that are sent.
  HttpExchange(const HttpRequest& request, const echo::Payload& payload, const MessageSizes& sizes);

  Filled fill(const Connection& connection, std::span<std::byte> room);
  void sent_part(Connection& connection, std::size_t bytes);
  IoResult take(Connection& connection, std::span<const std::byte> got);
  IoResult take_end(Connection& connection);
  IoResult take_error(Connection& connection, int error);
  /// Bytes of the response's body. Only for the messages that the last take() found answered.
  [[nodiscard]] std::uint64_t verified_bytes(const Connection& connection,
                                             std::uint32_t message) const {
    return bodies_[bodies_.size() - (connection.echoed - message)];
  }
  [[nodiscard]] const std::optional<echo::Mismatch>& mismatch() const { return mismatch_; }
  [[nodiscard]] std::string_view protocol() const { return protocol_; }
  [[nodiscard]] std::string_view fault() const { return fault_; }
  /// Number of responses of which a part has come.
  [[nodiscard]] std::size_t parts() const { return parts_.size(); }

 private:
  /// A response that has come in part.
  struct Part {
    protocol::ResponseParser parser;
    std::uint64_t body = 0;  ///< bytes of its body so far
  };
  enum class Progress : std::uint8_t { part, whole, failed };

  [[nodiscard]] std::uint32_t body_size(const Connection& connection, std::uint32_t message) const {
    return request_.has_body() ? sizes_.of({connection.number, message}) : 0;
  }
  /// The head of the request whose body has `size` bytes. Valid until the next call.
  [[nodiscard]] std::string_view head_of(std::uint32_t size);
  [[nodiscard]] std::uint32_t request_size(const Connection& connection, std::uint32_t message);
  [[gnu::noinline]] Filled fill_any(const Connection& connection, std::span<std::byte> room);
  [[gnu::noinline]] IoResult take_any(Connection& connection, std::span<const std::byte> got);
  /// Continues the response to message connection.echoed. `io`: named if it fails.
  Progress read_on(const Connection& connection, Part& part, std::span<const std::byte>& got,
                   IoResult& io);
  /// Outcome::served, or what is wrong with a response that is complete.
  [[nodiscard]] Outcome judge_end(const Connection& connection, const Part& part) const;
  [[nodiscard]] Outcome judge_status(std::uint16_t status) const;
  [[nodiscard]] bool holds_whole(const Connection& connection,
                                 std::span<const std::byte> body) const;
  /// Outcome::served, or what is wrong with the piece of the body.
  [[nodiscard]] Outcome judge(const Connection& connection, std::uint64_t offset,
                              std::span<const std::byte> piece);
  void answered(Connection& connection, std::uint64_t body, IoResult& io);
  [[nodiscard]] std::string_view protocol_of_first(std::span<const std::byte> first) const;

  const HttpRequest& request_;
  const echo::Payload& payload_;
  const MessageSizes& sizes_;
  protocol::KnownHead known_;
  std::string head_;  ///< of a request with a body of head_size_ bytes
  std::uint32_t head_size_ = 0;
  std::vector<std::uint64_t> bodies_;  ///< sizes, of the responses that the last take() completed
  std::unordered_map<const Connection*, Part> parts_;
  std::optional<echo::Mismatch> mismatch_;
  std::string_view protocol_, fault_;
};
static_assert(Exchange<HttpExchange>);

}  // namespace client
