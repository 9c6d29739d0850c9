#include "protocol/http/chunk_decoder.hpp"

#include <algorithm>

#include "protocol/http/characters.hpp"
#include "protocol/http/status.hpp"

namespace protocol {
namespace {

bool is_space(char character) {
  return character == ' ' || character == '\t';
}

}  // namespace

ChunkDecoder::Event ChunkDecoder::fail(std::size_t taken, unsigned status) {
  state_ = State::wrong;
  return {What::error, taken, status};
}

ChunkDecoder::Event ChunkDecoder::next(std::string_view bytes, std::size_t most_data,
                                       std::size_t limit) {
  if (state_ == State::wrong) return {What::error, 0, status::bad_request};
  if (state_ == State::data) return take_data(bytes, most_data);
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ != State::trailers) {
    const State before = state_;
    if (!take(bytes[taken])) return fail(taken, status::bad_request);
    ++taken;
    const bool in_extension = state_ >= State::before_semicolon && state_ < State::size_lf;
    if (in_extension && ++overhead_ > limit) return fail(taken, status::fields_too_large);
    if (before == State::size_lf && size_ > 0) return {What::chunk, taken, size_};
    if (before == State::data_lf) return {What::end_of_chunk, taken};
  }
  if (state_ == State::trailers) return take_trailers(bytes.substr(taken), limit, taken);
  return {What::more, taken};
}

ChunkDecoder::Event ChunkDecoder::take_data(std::string_view bytes, std::size_t most_data) {
  const auto taken =
      static_cast<std::size_t>(std::min<std::uint64_t>({bytes.size(), most_data, size_}));
  if (taken == 0) return {};
  size_ -= taken;
  if (size_ == 0) state_ = State::data_cr;
  return {What::data, taken, taken};
}

ChunkDecoder::Event ChunkDecoder::take_trailers(std::string_view bytes, std::size_t limit,
                                                std::size_t taken) {
  // The empty line that ends each body is no trailer: two bytes more.
  const std::size_t of_trailers = trailers_.scan(bytes, limit - overhead_ + 2);
  taken += of_trailers;
  if (trailers_.error() != 0) return fail(taken, trailers_.error());
  return {trailers_.is_whole() ? What::end : What::more, taken};
}

/// Returns whether the character may come next.
bool ChunkDecoder::take(char character) {
  switch (state_) {
    case State::size_start:
    case State::size:
      return take_of_size(character);
    case State::size_lf:
      state_ = size_ > 0 ? State::data : State::trailers;
      digits_ = 0;
      return character == '\n';
    case State::data_cr:
      state_ = State::data_lf;
      return character == '\r';
    case State::data_lf:
      state_ = State::size_start;
      return character == '\n';
    default:
      return take_of_extension(character);
  }
}

bool ChunkDecoder::take_of_size(char character) {
  constexpr std::uint8_t most_digits = 16;
  if (const int digit = hex_digit(character); digit >= 0) {
    if (++digits_ > most_digits || size_ >= (1ULL << 59U)) return false;  // 2^63 or more
    size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
    state_ = State::size;
    return true;
  }
  if (state_ == State::size_start) return false;
  return take_after_token(character, false);
}

bool ChunkDecoder::take_of_extension(char character) {
  switch (state_) {
    case State::before_semicolon:
      if (is_space(character)) return true;
      state_ = State::before_name;
      return character == ';';
    case State::before_name:
      if (is_space(character)) return true;
      state_ = State::name;
      return is_a(token_character, character);
    case State::name:
      return is_a(token_character, character) || take_after_token(character, true);
    case State::after_name:
      return is_space(character) || (character != '\r' && take_after_token(character, true));
    case State::before_value:
      if (is_space(character)) return true;
      state_ = character == '"' ? State::quoted : State::value;
      return character == '"' || is_a(token_character, character);
    case State::value:
      return is_a(token_character, character) || take_after_token(character, false);
    case State::quoted:
      if (character == '"') state_ = State::after_quoted;
      if (character == '\\') state_ = State::quoted_pair;
      return is_a(value_character, character);
    case State::quoted_pair:
      state_ = State::quoted;
      return is_a(value_character, character);
    default:  // after_quoted
      return take_after_token(character, false);
  }
}

/// What may follow a size, a name or a value: the line's end, another extension, or the value.
bool ChunkDecoder::take_after_token(char character, bool may_have_value) {
  if (character == '\r') {
    state_ = State::size_lf;
  } else if (character == ';') {
    state_ = State::before_name;
  } else if (character == '=' && may_have_value) {
    state_ = State::before_value;
  } else if (is_space(character)) {
    state_ = may_have_value ? State::after_name : State::before_semicolon;
  } else {
    return false;
  }
  return true;
}

}  // namespace protocol
