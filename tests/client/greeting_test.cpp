// The protocol of a server that does not echo, by its first bytes.
#include "client/connection/greeting.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace client {
namespace {

std::string_view of(const std::string& bytes) {
  return protocol_of(std::as_bytes(std::span(bytes)));
}

TEST(Greeting, NamesTheProtocolByTheFirstBytes) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"HTTP/1.1 400 Bad Request\r\n", "HTTP"},
      {"HTTP/", "HTTP"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "SSH"},
      {"220 mail.example ESMTP\r\n", "SMTP or FTP"},
      {"+OK ready\r\n", "POP3"},
      {"* OK IMAP4rev2\r\n", "IMAP"},
      {"-ERR unknown command\r\n", "Redis"},
      {"\x15\x03\x01\x00\x02\x02\x46", "TLS"},
      {std::string("\0\0\x12\x04\0\0\0\0\0", 9), "HTTP/2"}};
  for (const auto& [bytes, protocol] : table) EXPECT_EQ(of(bytes), protocol) << bytes;
}

TEST(Greeting, IsUnknownForOtherBytes) {
  for (const std::string bytes : {"", "H", "HTTP", "hello", "220", "\x15", "\x15\x04", "2200"})
    EXPECT_EQ(of(bytes), "") << bytes;
}

}  // namespace
}  // namespace client
