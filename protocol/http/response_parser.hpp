// Finds where an HTTP/1.1 response begins and ends, byte by byte, without keeping any of it.
//
// What a client can be wrong about is the framing: which bytes are the body, and where the next
// response begins. Everything that RFC 9112 does not allow there is a fault; nothing is repaired.
// Boost.Beast's basic_parser<false> was considered (docs/decisions/0023): it needs the whole head
// in one piece, so a head in parts would have to be stored for each connection, and its framing is
// laxer. The state is 64 bytes, whatever the peer sends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/http/response_fault.hpp"

namespace protocol {

class ResponseParser {
 public:
  using Bytes = std::span<const std::byte>;
  /// What next() came upon.
  enum class Event : std::uint8_t {
    more,  ///< the bytes are used up
    head,  ///< the end of the head of a response that is not interim (1xx)
    body,  ///< a piece of the body
    end,   ///< the end of the response
    wrong  ///< fault()
  };
  /// Bytes of all heads of a response (interim ones too), of its chunk extensions and trailers.
  static constexpr std::uint32_t most_head = 64U << 10U;

  ResponseParser() = default;
  /// In a response whose head is over, with a body of `length` bytes.
  ResponseParser(std::uint16_t status, std::uint64_t length)
      : left_(length), status_(status), persists_(true), state_(State::fixed_body) {}

  /// Takes bytes from the front of `got` until something is found. `body`: set for Event::body.
  Event next(Bytes& got, Bytes& body);
  /// The peer's FIN: `end` if the response may end so (no length, RFC 9112, 6.3), else `more`.
  [[nodiscard]] Event at_fin() const {
    return state_ == State::body_until_fin ? Event::end : Event::more;
  }

  /// From Event::head on.
  [[nodiscard]] std::uint16_t status() const { return status_; }
  /// Whether the connection can be used after this response (RFC 9112, 9.3).
  [[nodiscard]] bool persists() const { return persists_; }
  /// The length of the body at Event::head, if it is known then: not chunked, not until FIN.
  [[nodiscard]] bool has_length() const { return state_ == State::fixed_body; }
  [[nodiscard]] std::uint64_t length() const { return left_; }
  /// Whether an interim response (1xx) came before it.
  [[nodiscard]] bool had_interim() const { return had_interim_; }
  [[nodiscard]] ResponseFault fault() const { return fault_; }

 private:
  // In this order: the states of a head, those of chunked lines, those of bodies, the last ones.
  enum class State : std::uint8_t {
    version,
    status,
    after_status,
    reason,
    status_lf,
    header_start,
    header_name,
    header_value,
    header_lf,
    head_lf,
    chunk_size,
    chunk_extension,
    chunk_size_lf,
    chunk_cr,
    chunk_lf,
    trailer_start,
    trailer,
    trailer_lf,
    last_lf,
    fixed_body,
    chunk_body,
    body_until_fin,
    over,
    wrong
  };
  enum class Header : std::uint8_t { other, length, coding, connection };

  bool step(char c);
  void step_in_status_line(char c);
  bool step_in_headers(char c);
  void step_in_chunks(char c);
  void step_in_trailers(char c);
  bool take_body(Bytes& got, Bytes& body);
  void begin_value();
  void add_to_value(char c);
  void end_value();
  void end_length();
  void end_connection_token();
  bool end_head();
  void add_to_text(char c);
  void expect_lf(char c, State then);
  void fail(ResponseFault fault) {
    fault_ = fault;
    state_ = State::wrong;
  }
  [[nodiscard]] std::string_view text() const { return {text_.data(), text_size_}; }

  static constexpr std::size_t most_text = 20;  ///< digits of a length; "transfer-encoding"

  std::uint64_t left_ = 0;  ///< of the body or the chunk; before that the length given
  std::uint32_t used_ = 0;  ///< of most_head
  std::uint16_t status_ = 0;
  std::uint8_t at_ = 0;  ///< in a fixed text, or number of digits
  std::uint8_t text_size_ = 0;
  std::array<char, most_text> text_{};  ///< a name, or a value without the spaces around it
  bool text_is_longer_ = false;
  bool space_in_text_ = false;  ///< it has ended, or goes on with a space in it
  bool is_1_0_ = false;
  bool has_given_length_ = false, is_chunked_ = false, closes_ = false, keeps_ = false;
  bool persists_ = false, had_interim_ = false;
  Header header_ = Header::other;
  State state_ = State::version;
  ResponseFault fault_ = ResponseFault::none;
};
static_assert(sizeof(ResponseParser) <= 64);

}  // namespace protocol
