// The character classes of HTTP/1.1's grammar (RFC 9110 5.5 and 5.6.2, RFC 9112 3.2), in one table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace protocol {

enum CharacterClass : std::uint8_t {
  token_character = 1,   ///< tchar: methods, field names, codings
  target_character = 2,  ///< of a request target: VCHAR without '#'
  value_character = 4,   ///< of a field value: HTAB, SP, VCHAR, obs-text
  digit_character = 8,
  host_character = 16,  ///< of a registered name or an address: RFC 3986 3.2.2, "%" included
  name_character = 32   ///< the same without "%"
};

namespace detail {

constexpr std::array<std::uint8_t, 256> character_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view characters, unsigned kind) {
    for (const char each : characters) {
      auto& entry = classes[static_cast<unsigned char>(each)];
      entry = static_cast<std::uint8_t>(entry | kind);
    }
  };
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view digits = "0123456789";
  add(letters, token_character | host_character | name_character);
  add(digits, token_character | host_character | name_character | digit_character);
  add("!#$%&'*+-.^_`|~", token_character);
  add("-._~!$&'()*+,;=", host_character | name_character);
  add("%", host_character);
  for (unsigned c = 0x21; c < 0x7f; ++c) {
    const auto character = static_cast<char>(c);
    add({&character, 1}, c == '#' ? value_character : value_character | target_character);
  }
  add(" \t", value_character);
  for (unsigned c = 0x80; c < 0x100; ++c) {
    const auto character = static_cast<char>(c);
    add({&character, 1}, value_character);
  }
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> class_table = character_classes();

}  // namespace detail

constexpr bool is_a(CharacterClass kind, char character) {
  return (detail::class_table[static_cast<unsigned char>(character)] & kind) != 0;
}

/// How many characters of `text` from `at` on are of the class.
constexpr std::size_t span_of(CharacterClass kind, std::string_view text, std::size_t at = 0) {
  std::size_t end = at;
  while (end < text.size() && is_a(kind, text[end])) ++end;
  return end - at;
}

/// The value of a hexadecimal digit, or -1.
constexpr int hex_digit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

}  // namespace protocol
