// Text that other programs, files and users supply, made fit for a terminal and for JSON.
#include "limits/proc_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace limits {
namespace {

TEST(OutsideText, CannotControlTheTerminalThatItIsPrintedOn) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"127.0.0.1:1234", "127.0.0.1:1234"},
      {"\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"},
      {"two\nlines\r\t", "two\\x0alines\\x0d\\x09"},
      {std::string("nul\0", 4), "nul\\x00"},
      {"\x7f", "\\x7f"},
      {"C1 \xc2\x9b"
       "31m",
       "C1 \\u009b31m"},
      {"\x9b"
       "31m",
       "\\x9b31m"},
      {"\xe2\x80\xae"
       "esrever",
       "\\u202eesrever"},
      {"caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80"},
      {"", ""}};
  for (const auto& [text, shown] : table) EXPECT_EQ(printable(text), shown);
}

TEST(OutsideText, IsUtf8OnceItIsInADocument) {
  const std::string bad = "\xef\xbf\xbd";  // U+FFFD
  const std::vector<std::pair<std::string, std::string>> table{
      {"caf\xc3\xa9", "caf\xc3\xa9"},
      {"caf\xe9", "caf" + bad},
      {"\xff\xfe", bad + bad},
      {"\xc0\xaf", bad + bad},                      // an overlong slash
      {"\xe0\x80\x80", bad + bad + bad},            // an overlong NUL
      {"\xed\xa0\x80", bad + bad + bad},            // a surrogate
      {"\xf4\x90\x80\x80", bad + bad + bad + bad},  // beyond U+10FFFF
      {"\xe6\x97", bad + bad},                      // ends too early
      {"\xe6\x97"
       "a",
       bad + bad + "a"},
      {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}};
  for (const auto& [text, valid] : table) EXPECT_EQ(valid_utf8(text), valid) << printable(text);
}

}  // namespace
}  // namespace limits
