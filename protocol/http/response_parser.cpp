#include "protocol/http/response_parser.hpp"

#include <algorithm>
#include <limits>

#include "protocol/http/characters.hpp"

namespace protocol {
namespace {

constexpr std::string_view version_start = "HTTP/1.";
/// Lengths above are not meant: they are used to overflow counters.
constexpr std::uint64_t most_length = std::numeric_limits<std::int64_t>::max();
constexpr std::uint8_t most_size_digits = 16;

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

ResponseParser::Event ResponseParser::next(Bytes& got, Bytes& body) {
  for (;;) {
    if (state_ >= State::fixed_body) {
      if (state_ == State::fixed_body && left_ == 0) state_ = State::over;
      if (state_ == State::over) return Event::end;
      if (state_ == State::wrong) return Event::wrong;
      return take_body(got, body) ? Event::body : Event::more;
    }
    if (got.empty()) return Event::more;
    const char c = static_cast<char>(got.front());
    got = got.subspan(1);
    if (step(c)) return Event::head;
  }
}

bool ResponseParser::take_body(Bytes& got, Bytes& body) {
  if (got.empty()) return false;
  const bool bounded = state_ != State::body_until_fin;
  const auto count =
      static_cast<std::size_t>(bounded ? std::min<std::uint64_t>(left_, got.size()) : got.size());
  body = got.first(count);
  got = got.subspan(count);
  if (bounded) left_ -= count;
  if (state_ == State::chunk_body && left_ == 0) state_ = State::chunk_cr;
  return true;
}

/// Takes one character. Returns whether it is the last one of the head.
bool ResponseParser::step(char c) {
  const bool required = state_ == State::chunk_size || state_ == State::chunk_size_lf ||
                        state_ == State::chunk_cr || state_ == State::chunk_lf;
  if (!required && ++used_ > most_head) {
    fail(ResponseFault::head_too_large);
    return false;
  }
  if (state_ <= State::status_lf) {
    step_in_status_line(c);
  } else if (state_ <= State::head_lf) {
    return step_in_headers(c);
  } else if (state_ <= State::chunk_lf) {
    step_in_chunks(c);
  } else {
    step_in_trailers(c);
  }
  return false;
}

void ResponseParser::expect_lf(char c, State then) {
  if (c != '\n') return fail(ResponseFault::line_end);
  state_ = then;
}

void ResponseParser::step_in_status_line(char c) {
  switch (state_) {
    case State::version:
      if (at_ < version_start.size()) {
        if (c != version_start[at_]) return fail(ResponseFault::status_line);
      } else if (at_ == version_start.size()) {
        if (c != '0' && c != '1') return fail(ResponseFault::status_line);
        is_1_0_ = c == '0';
      } else {
        if (c != ' ') return fail(ResponseFault::status_line);
        state_ = State::status;
        at_ = 0;
        return;
      }
      ++at_;
      return;
    case State::status:
      if (!is_a(digit_character, c) || (at_ == 0 && c == '0'))
        return fail(ResponseFault::status_line);
      status_ = static_cast<std::uint16_t>(status_ * 10 + (c - '0'));
      if (++at_ == 3) state_ = State::after_status;
      return;
    case State::after_status:  // without a reason some servers leave out the space
      if (c != ' ' && c != '\r') return fail(ResponseFault::status_line);
      state_ = c == ' ' ? State::reason : State::status_lf;
      return;
    case State::reason:
      if (c == '\r') {
        state_ = State::status_lf;
      } else if (!is_a(value_character, c)) {
        fail(c == '\n' ? ResponseFault::line_end : ResponseFault::status_line);
      }
      return;
    default:
      expect_lf(c, State::header_start);
  }
}

bool ResponseParser::step_in_headers(char c) {
  switch (state_) {
    case State::header_start:
      text_size_ = 0;
      text_is_longer_ = false;
      if (c == '\r') {
        state_ = State::head_lf;
        return false;
      }
      state_ = State::header_name;
      [[fallthrough]];
    case State::header_name:
      if (c == ':' && (text_size_ > 0 || text_is_longer_)) {
        begin_value();
      } else if (is_a(token_character, c)) {
        add_to_text(lower(c));
      } else {
        fail(c == '\n' ? ResponseFault::line_end : ResponseFault::header_name);
      }
      return false;
    case State::header_value:
      if (c == '\r') {
        end_value();
      } else if (!is_a(value_character, c)) {
        fail(c == '\n' ? ResponseFault::line_end : ResponseFault::header_value);
      } else if (header_ != Header::other) {
        add_to_value(c);
      }
      return false;
    case State::header_lf:
      expect_lf(c, State::header_start);
      return false;
    default:
      if (c == '\n') return end_head();
      fail(ResponseFault::line_end);
      return false;
  }
}

void ResponseParser::add_to_text(char c) {
  if (text_size_ == most_text) {
    text_is_longer_ = true;
  } else {
    text_[text_size_++] = c;
  }
}

void ResponseParser::begin_value() {
  header_ = Header::other;
  if (!text_is_longer_) {
    if (text() == "content-length") header_ = Header::length;
    if (text() == "transfer-encoding") header_ = Header::coding;
    if (text() == "connection") header_ = Header::connection;
  }
  text_size_ = 0;
  text_is_longer_ = false;
  space_in_text_ = false;
  state_ = State::header_value;
}

void ResponseParser::add_to_value(char c) {
  if (c == ' ' || c == '\t') {
    space_in_text_ = text_size_ > 0;
  } else if (c == ',' && header_ == Header::connection) {
    end_connection_token();
  } else {
    if (space_in_text_) text_is_longer_ = true;  // "chunked x" is not "chunked"
    add_to_text(lower(c));
  }
}

void ResponseParser::end_value() {
  state_ = State::header_lf;
  if (header_ == Header::length) {
    end_length();
  } else if (header_ == Header::coding) {
    if (text_is_longer_ || text() != "chunked" || is_chunked_) return fail(ResponseFault::coding);
    is_chunked_ = true;
  } else if (header_ == Header::connection) {
    end_connection_token();
  }
}

void ResponseParser::end_length() {
  if (text_is_longer_ || text_size_ == 0) return fail(ResponseFault::length);
  std::uint64_t length = 0;
  for (const char c : text()) {
    if (!is_a(digit_character, c)) return fail(ResponseFault::length);
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (most_length - digit) / 10) return fail(ResponseFault::length);
    length = length * 10 + digit;
  }
  if (has_given_length_ && length != left_) return fail(ResponseFault::lengths_differ);
  has_given_length_ = true;
  left_ = length;
}

void ResponseParser::end_connection_token() {
  if (!text_is_longer_) {
    if (text() == "close") closes_ = true;
    if (text() == "keep-alive") keeps_ = true;
  }
  text_size_ = 0;
  text_is_longer_ = false;
  space_in_text_ = false;
}

/// RFC 9112, 6.3 and 9.3. Returns false for an interim response, after which another one begins.
bool ResponseParser::end_head() {
  if (is_chunked_ && (is_1_0_ || has_given_length_)) {
    fail(is_1_0_ ? ResponseFault::coding_in_1_0 : ResponseFault::coding_and_length);
    return false;
  }
  constexpr std::uint16_t switching_protocols = 101, no_content = 204, not_modified = 304;
  if (status_ < 200 && status_ != switching_protocols) {
    const std::uint32_t used = used_;
    *this = ResponseParser{};
    used_ = used;
    had_interim_ = true;
    return false;
  }
  persists_ = !closes_ && (keeps_ || !is_1_0_) && status_ != switching_protocols;
  at_ = 0;
  if (status_ == switching_protocols || status_ == no_content || status_ == not_modified) {
    left_ = 0;
    state_ = State::fixed_body;
  } else if (is_chunked_) {
    left_ = 0;
    state_ = State::chunk_size;
  } else if (has_given_length_) {
    state_ = State::fixed_body;
  } else {
    persists_ = false;
    state_ = State::body_until_fin;
  }
  return true;
}

void ResponseParser::step_in_chunks(char c) {
  switch (state_) {
    case State::chunk_size:
      if (const int digit = hex_digit(c); digit >= 0) {
        if (++at_ > most_size_digits || left_ > (most_length >> 4U))
          return fail(ResponseFault::chunk_size);
        left_ = left_ * 16 + static_cast<unsigned>(digit);
        return;
      }
      if (at_ == 0 || (c != '\r' && c != ';')) {
        return fail(c == '\n' ? ResponseFault::line_end : ResponseFault::chunk_size);
      }
      state_ = c == '\r' ? State::chunk_size_lf : State::chunk_extension;
      return;
    case State::chunk_extension:
      if (c == '\r') {
        state_ = State::chunk_size_lf;
      } else if (!is_a(value_character, c)) {
        fail(c == '\n' ? ResponseFault::line_end : ResponseFault::chunk_extension);
      }
      return;
    case State::chunk_size_lf:
      at_ = 0;
      return expect_lf(c, left_ > 0 ? State::chunk_body : State::trailer_start);
    case State::chunk_cr:
      if (c != '\r') return fail(ResponseFault::chunk_end);
      state_ = State::chunk_lf;
      return;
    default:
      if (c != '\n') return fail(ResponseFault::chunk_end);
      state_ = State::chunk_size;
  }
}

void ResponseParser::step_in_trailers(char c) {
  switch (state_) {
    case State::trailer_start:
      if (c == '\r') {
        state_ = State::last_lf;
      } else if (is_a(token_character, c)) {
        state_ = State::trailer;
      } else {
        fail(c == '\n' ? ResponseFault::line_end : ResponseFault::trailer);
      }
      return;
    case State::trailer:
      if (c == '\r') {
        state_ = State::trailer_lf;
      } else if (!is_a(value_character, c)) {
        fail(c == '\n' ? ResponseFault::line_end : ResponseFault::trailer);
      }
      return;
    case State::trailer_lf:
      return expect_lf(c, State::trailer_start);
    default:
      expect_lf(c, State::over);
  }
}

}  // namespace protocol
