#include "protocol/http/head_scanner.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/http/characters.hpp"
#include "protocol/http/status.hpp"

namespace protocol {
namespace {

/// The first character from `at` on that is not of the class.
const char* skip(CharacterClass kind, const char* at, const char* end) {
  while (at != end && is_a(kind, *at)) ++at;
  return at;
}

/// The same for the characters of a value, which are most of a head: eight at a time while none of
/// them is a control character.
const char* skip_value(const char* at, const char* end) {
  constexpr std::uint64_t ones = ~std::uint64_t{0} / 255;
  constexpr std::uint64_t tops = ones * 0x80;
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t del = word ^ ones * 0x7f;
    // The top bit of each byte that is below 0x20, or 0x7f; and of some after such a one.
    if ((((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops) break;
    at += 8;
  }
  return skip(value_character, at, end);
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
  const char* const begin = at;
  switch (state_) {
    case State::start:
      if (*at == '\r') {
        state_ = State::empty_line_lf;
        return at + 1;
      }
      state_ = State::method_start;
      [[fallthrough]];
    case State::method_start:
      if (!is_a(token_character, *at)) break;
      state_ = State::method;
      [[fallthrough]];
    case State::method:
      at = skip(token_character, at, end);
      if (at == end) return at;
      if (*at != ' ') break;
      state_ = State::target_start;
      if (++at == end) return at;
      [[fallthrough]];
    case State::target_start:
      if (!is_a(target_character, *at)) break;
      state_ = State::target;
      [[fallthrough]];
    case State::target:
      at = skip(target_character, at, end);
      if (at == end) return at;
      if (*at != ' ') break;
      state_ = State::version;
      return scan_usual_version(at + 1, end, offset + static_cast<std::size_t>(at + 1 - begin));
    case State::version: {
      const char expected = version_form[version_index_];
      if (expected == 'd' ? !is_a(digit_character, *at) : *at != expected) break;
      constexpr std::size_t major = 5;
      if (version_index_ == major && *at != '1') wrong_version_ = true;
      if (expected == 'd') minor_version_at_ = offset;
      if (++version_index_ == version_form.size()) state_ = State::request_line_lf;
      return at + 1;
    }
    case State::empty_line_lf:
      if (*at != '\n') break;
      state_ = State::method_start;
      request_line_at_ = 2;
      return at + 1;
    default:  // request_line_lf
      if (*at != '\n') break;
      state_ = State::line_start;
      if (wrong_version_) fail(status::version_not_supported);
      return at + 1;
  }
  fail(status::bad_request);
  return at;
}

/// Takes "HTTP/1.x" and the line's end at once, where they are there; the states take all else.
const char* HeadScanner::scan_usual_version(const char* at, const char* end, std::size_t offset) {
  constexpr std::string_view usual = "HTTP/1.";
  constexpr std::size_t size = usual.size() + 3;
  if (static_cast<std::size_t>(end - at) < size || !std::string_view{at, size}.starts_with(usual) ||
      !is_a(digit_character, at[usual.size()]) || at[size - 2] != '\r' || at[size - 1] != '\n')
    return at;
  minor_version_at_ = offset + usual.size();
  state_ = State::line_start;
  return at + size;
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
      at = skip_value(at, end);
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
