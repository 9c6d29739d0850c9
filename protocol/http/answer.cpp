#include "protocol/http/answer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "protocol/http/status.hpp"
#include "protocol/http/thread_memory.hpp"

namespace protocol {
namespace {

constexpr std::string_view example_date = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::size_t date_size = ThreadMemory::date_size;
static_assert(example_date.size() == date_size);

void write_two_digits(int value, char* to) {
  to[0] = static_cast<char>('0' + value / 10);
  to[1] = static_cast<char>('0' + value % 10);
}

/// IMF-fixdate (RFC 9110 5.6.7), whatever the locale is.
void write_date(std::time_t now, std::span<char, date_size> to) {
  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::tm time{};
  ::gmtime_r(&now, &time);
  std::copy(example_date.begin(), example_date.end(), to.begin());
  const auto name = [&to](std::string_view names, int index, std::size_t at) {
    names.copy(&to[at], 3, static_cast<std::size_t>(index) * 3);
  };
  name(days, time.tm_wday, 0);
  write_two_digits(time.tm_mday, &to[5]);
  name(months, time.tm_mon, 8);
  const int year = time.tm_year + 1900;
  write_two_digits(year / 100, &to[12]);
  write_two_digits(year % 100, &to[14]);
  write_two_digits(time.tm_hour, &to[17]);
  write_two_digits(time.tm_min, &to[20]);
  write_two_digits(time.tm_sec, &to[23]);
}

/// The date of this second.
std::string_view date(std::time_t now) {
  ThreadMemory& memory = thread_memory();
  if (memory.second != now) {
    write_date(now, std::span<char, date_size>{memory.date});
    memory.second = now;
  }
  return {memory.date.data(), date_size};
}

/// Appends text to a place that is large enough.
class Text {
 public:
  explicit Text(std::span<char> room) : begin_(room.data()), at_(room.data()) {}
  Text& operator<<(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Text& operator<<(std::uint64_t number) {
    constexpr std::size_t most_digits = 20;
    at_ = std::to_chars(at_, at_ + most_digits, number).ptr;
    return *this;
  }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

constexpr std::size_t letters = 26;
constexpr std::size_t pattern_size = letters * 40;

constexpr std::array<char, pattern_size + letters> make_pattern() {
  std::array<char, pattern_size + letters> pattern{};
  for (std::size_t at = 0; at < pattern.size(); ++at)
    pattern[at] = static_cast<char>('a' + at % letters);
  return pattern;
}
constexpr auto pattern = make_pattern();

}  // namespace

std::string_view reason_of(unsigned status) {
  switch (status) {
    case status::ok:
      return "OK";
    case status::not_found:
      return "Not Found";
    case status::method_not_allowed:
      return "Method Not Allowed";
    case status::request_timeout:
      return "Request Timeout";
    case status::content_too_large:
      return "Content Too Large";
    case status::uri_too_long:
      return "URI Too Long";
    case status::expectation_failed:
      return "Expectation Failed";
    case status::fields_too_large:
      return "Request Header Fields Too Large";
    case status::not_implemented:
      return "Not Implemented";
    case status::version_not_supported:
      return "HTTP Version Not Supported";
    default:
      return "Bad Request";
  }
}

std::string_view text_of(unsigned status) {
  return status == status::ok ? "ok" : reason_of(status);
}

std::size_t write_head(const Answer& answer, std::time_t now, std::span<char> room) {
  Text text{room};
  if (answer.status == status::ok) {
    text << "HTTP/1.1 200 OK\r\nDate: ";
  } else {
    text << "HTTP/1.1 " << std::uint64_t{answer.status} << " " << reason_of(answer.status)
         << "\r\nDate: ";
  }
  text << date(now);
  const bool is_text = answer.body == Answer::Body::text;
  if (answer.body != Answer::Body::none) {
    text << (is_text ? std::string_view{"\r\nContent-Type: text/plain"}
                     : std::string_view{"\r\nContent-Type: application/octet-stream"});
  }
  if (answer.is_chunked) {
    text << "\r\nTransfer-Encoding: chunked";
  } else {
    text << "\r\nContent-Length: "
         << (is_text ? std::uint64_t{text_of(answer.status).size()} : answer.length);
  }
  if (answer.allow != Resource::Kind::none) text << "\r\nAllow: " << allowed_methods(answer.allow);
  if (answer.connection == Answer::Connection::keep_alive) text << "\r\nConnection: keep-alive";
  if (answer.connection == Answer::Connection::close) text << "\r\nConnection: close";
  text << "\r\n\r\n";
  return text.size();
}

void write_pattern(std::uint64_t offset, std::span<char> room) {
  while (!room.empty()) {
    const auto at = static_cast<std::size_t>(offset % letters);
    const std::size_t size = std::min(room.size(), pattern_size);
    std::memcpy(room.data(), &pattern[at], size);
    offset += size;
    room = room.subspan(size);
  }
}

}  // namespace protocol
