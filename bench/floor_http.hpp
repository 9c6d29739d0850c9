// What the floor servers send under --http, and how they count requests. Nothing of a request is
// parsed: a request without a body ends where its header ends, at an empty line. memmem(3) looks
// for it, some 10 ns in the 40 bytes that wrk sends. A server without state per connection cannot
// know a request that arrives in two pieces: it gets no answer. On loopback it arrives in one.
#pragma once

#include <string.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

inline constexpr std::string_view end_of_request = "\r\n\r\n";
/// As long as that of the testbed's servers for /; its date does not change.
inline constexpr std::string_view http_answer =
    "HTTP/1.1 200 OK\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 2\r\n\r\n"
    "ok";

/// The requests whose end lies in `bytes`.
inline std::size_t requests_in(std::string_view bytes) {
  std::size_t found = 0;
  for (;;) {
    const void* end =
        ::memmem(bytes.data(), bytes.size(), end_of_request.data(), end_of_request.size());
    if (end == nullptr) return found;
    ++found;
    const auto used = static_cast<const char*>(end) - bytes.data();
    bytes.remove_prefix(static_cast<std::size_t>(used) + end_of_request.size());
  }
}

/// Answers the requests in `bytes`; `send` returns false if it could not send. Pipelined requests
/// are answered together, 64 at a time.
template <class Send>
bool answer_requests(std::string_view bytes, Send send) {
  static const std::string answers = [] {
    std::string many;
    for (int i = 0; i < 64; ++i) many += http_answer;
    return many;
  }();
  for (std::size_t left = requests_in(bytes) * http_answer.size(); left > 0;) {
    const std::size_t now = left < answers.size() ? left : answers.size();
    if (!send(answers.data(), now)) return false;
    left -= now;
  }
  return true;
}

}  // namespace bench
