// What a run sends and expects under HTTP/1.1: the same request on every connection, but for the
// body of a POST, whose bytes are those of the message (echo/wire.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace client {

/// Whether one of `headers` is "Connection: close": no request may follow on the connection.
bool has_close(const std::vector<std::string>& headers);

/// A GET of one URL, or POST /echo.
class HttpRequest {
 public:
  /// `path`: with its query, from "/" on. `host`: the value of Host. `headers`: "Name: value",
  /// checked by parse_header(); one of them that is Host takes the place of `host`.
  static HttpRequest get(std::string_view path, std::string_view host,
                         const std::vector<std::string>& headers);
  /// POST /echo. The value of Content-Length and the empty line come behind head().
  static HttpRequest echo(std::string_view host, const std::vector<std::string>& headers);

  [[nodiscard]] bool has_body() const { return has_body_; }
  /// Whether it says "Connection: close": its response is the last one of the connection.
  [[nodiscard]] bool closes() const { return closes_; }
  /// With a body: up to the value of Content-Length, which is the last header. Without: all of it.
  [[nodiscard]] const std::string& head() const { return head_; }

  std::optional<std::uint16_t> expected_status;  ///< nullopt: 2xx
  std::optional<std::string> expected_body;      ///< of each response to a GET; nullopt: any

 private:
  HttpRequest(std::string_view start, std::string_view host,
              const std::vector<std::string>& headers);

  std::string head_;
  bool has_body_ = false;
  bool closes_;
};

}  // namespace client
