#include "protocol/http/head_scanner.hpp"

#include <algorithm>

#include "protocol/http/characters.hpp"
#include "protocol/http/status.hpp"

namespace protocol {
namespace {

/// The first character from `at` on that is not of the class.
const char* skip(CharacterClass kind, const char* at, const char* end) {
  while (at != end && is_a(kind, *at)) ++at;
  return at;
}

constexpr std::string_view version_form = "HTTP/d.d\r";

}  // namespace

std::size_t HeadScanner::scan(std::string_view bytes, std::size_t limit) {
  const char* const begin = bytes.data();
  const char* const end = begin + std::min(bytes.size(), limit - size_);
  const char* at = begin;
  while (at != end && state_ < State::line_start)
    at = scan_request_line(at, end, size_ + static_cast<std::size_t>(at - begin));
  while (at != end && state_ < State::whole) at = scan_fields(at, end);
  size_ += static_cast<std::size_t>(at - begin);
  // A head that fills its limit cannot become whole any more.
  if (size_ == limit && state_ < State::whole) fail_too_long();
  return static_cast<std::size_t>(at - begin);
}

void HeadScanner::fail_too_long() {
  if (state_ >= State::line_start) return fail(status::fields_too_large);
  fail(state_ <= State::method ? status::not_implemented : status::uri_too_long);
}

const char* HeadScanner::scan_request_line(const char* at, const char* end, std::size_t offset) {
  switch (state_) {
    case State::start:
      if (*at == '\r') {
        state_ = State::empty_line_lf;
        return at + 1;
      }
      state_ = State::method_start;
      return at;
    case State::empty_line_lf:
      if (*at != '\n') break;
      state_ = State::method_start;
      request_line_at_ = 2;
      return at + 1;
    case State::method_start:
      if (!is_a(token_character, *at)) break;
      state_ = State::method;
      return at + 1;
    case State::method:
      at = skip(token_character, at, end);
      if (at == end) return at;
      if (*at != ' ') break;
      state_ = State::target_start;
      return at + 1;
    case State::target_start:
      if (!is_a(target_character, *at)) break;
      state_ = State::target;
      return at + 1;
    case State::target:
      at = skip(target_character, at, end);
      if (at == end) return at;
      if (*at != ' ') break;
      state_ = State::version;
      return at + 1;
    case State::version: {
      const char expected = version_form[version_index_];
      if (expected == 'd' ? !is_a(digit_character, *at) : *at != expected) break;
      constexpr std::size_t major = 5;
      if (version_index_ == major && *at != '1') wrong_version_ = true;
      if (expected == 'd') minor_version_at_ = offset;
      if (++version_index_ == version_form.size()) state_ = State::request_line_lf;
      return at + 1;
    }
    default:  // request_line_lf
      if (*at != '\n') break;
      state_ = State::line_start;
      if (wrong_version_) fail(status::version_not_supported);
      return at + 1;
  }
  fail(status::bad_request);
  return at;
}

const char* HeadScanner::scan_fields(const char* at, const char* end) {
  switch (state_) {
    case State::line_start:
      if (*at == '\r') {
        state_ = State::last_lf;
        return at + 1;
      }
      if (!is_a(token_character, *at)) break;  // an empty name, obs-fold, a bare LF
      state_ = State::name;
      [[fallthrough]];
    case State::name:
      at = skip(token_character, at, end);
      if (at == end) return at;
      if (*at != ':') break;
      state_ = State::value;
      ++at;
      [[fallthrough]];
    case State::value:
      at = skip(value_character, at, end);
      if (at == end) return at;
      if (*at != '\r') break;
      state_ = State::value_lf;
      return at + 1;
    case State::value_lf:
      if (*at != '\n') break;
      state_ = State::line_start;
      return at + 1;
    default:  // last_lf
      if (*at != '\n') break;
      state_ = State::whole;
      return at + 1;
  }
  fail(status::bad_request);
  return at;
}

}  // namespace protocol
