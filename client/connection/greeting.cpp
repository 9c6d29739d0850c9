#include "client/connection/greeting.hpp"

#include <algorithm>

namespace client {
namespace {

struct Opening {
  std::string_view bytes;
  std::string_view protocol;
};

constexpr Opening openings[] = {
    {"HTTP/", "HTTP"},        // RFC 9112, section 4: the status line
    {"SSH-", "SSH"},          // RFC 4253, section 4.2
    {"220 ", "SMTP or FTP"},  // RFC 5321, section 4.2; RFC 959, section 5.4
    {"220-", "SMTP or FTP"},  //
    {"+OK", "POP3"},          // RFC 1939, section 4
    {"* OK", "IMAP"},         // RFC 9051, section 7.1.1
    {"-ERR", "Redis"},        // RESP: an error
    {"\x15\x03", "TLS"},      // RFC 8446, section 5.1: a record of type alert
    {"\x16\x03", "TLS"},      // and of type handshake
};

/// A SETTINGS frame of HTTP/2, with which a server begins: 24 bits of length, type 4, no flags
/// (RFC 9113, section 3.4).
bool is_settings(std::span<const std::byte> first) {
  return first.size() >= 5 && first[0] == std::byte{0} && first[1] == std::byte{0} &&
         first[3] == std::byte{4} && first[4] == std::byte{0};
}

}  // namespace

std::string_view protocol_of(std::span<const std::byte> first) {
  for (const Opening& opening : openings) {
    const bool begins =
        first.size() >= opening.bytes.size() &&
        std::equal(opening.bytes.begin(), opening.bytes.end(), first.begin(),
                   [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
    if (begins) return opening.protocol;
  }
  return is_settings(first) ? "HTTP/2" : "";
}

}  // namespace client
