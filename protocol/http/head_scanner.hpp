// Finds the end of a request's head and rejects everything that RFC 9112 does not allow in one.
//
// Each byte is looked at once, however the head is cut: what a peer can make the server compute is
// linear in what it sends. It is stricter than Boost.Beast 1.81, which sees a head only afterwards:
// two parsers that disagree about where a request ends are how requests are smuggled. Bare CR and
// LF, obs-fold, white space before a colon, and control characters are errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace protocol {

class HeadScanner {
 public:
  /// Begins at a request line, before which one empty line is taken (RFC 9112 2.2).
  HeadScanner() = default;
  /// Begins at a field line: the trailer section of a chunked body, with its empty line.
  static HeadScanner of_trailers() {
    HeadScanner scanner;
    scanner.state_ = State::line_start;
    return scanner;
  }

  /// Looks at the next bytes and returns how many of them belong to the head; fewer than all when
  /// it is whole or wrong. A head may have `limit` bytes in all.
  std::size_t scan(std::string_view bytes, std::size_t limit);

  [[nodiscard]] bool is_whole() const { return state_ == State::whole; }
  /// The status of the answer to a head that is wrong; 0 as long as it is not.
  [[nodiscard]] unsigned error() const { return error_; }
  /// Bytes looked at so far.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Where the request line begins: 2 after an empty line, otherwise 0.
  [[nodiscard]] std::size_t request_line_at() const { return request_line_at_; }
  /// Where the last digit of the HTTP version is.
  [[nodiscard]] std::size_t minor_version_at() const { return minor_version_at_; }

 private:
  enum class State : std::uint8_t {
    start,
    empty_line_lf,
    method_start,
    method,
    target_start,
    target,
    version,
    request_line_lf,
    line_start,
    name,
    value,
    value_lf,
    last_lf,
    whole,
    wrong
  };

  const char* scan_request_line(const char* at, const char* end, std::size_t offset);
  const char* scan_usual_version(const char* at, const char* end, std::size_t offset);
  const char* scan_fields(const char* at, const char* end);
  void fail(unsigned status) {
    state_ = State::wrong;
    error_ = status;
  }
  void fail_too_long();

  std::size_t size_ = 0;
  std::size_t minor_version_at_ = 0;
  State state_ = State::start;
  std::uint8_t version_index_ = 0;
  std::uint8_t request_line_at_ = 0;
  bool wrong_version_ = false;
  unsigned error_ = 0;
};

}  // namespace protocol
