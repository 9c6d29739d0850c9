#include "server/protocol_options.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <string>

#include "echo/options.hpp"
#include "protocol/http/http_protocol.hpp"

namespace server {
namespace {

constexpr std::array http_options{"--max-header", "--max-body", "--request-timeout",
                                  "--keepalive-timeout", "--http-close"};

}  // namespace

void add_protocol_options(CLI::App& app, ServerOptions& options) {
  protocol::HttpSettings& http = options.http;
  echo::add_choice(app, "--protocol",
                   "What connections speak: each byte back, or HTTP/1.1 with the resources /, "
                   "/bytes/N and /echo",
                   {"echo", "http"},
                   [&options](std::size_t index) { options.speaks_http = index == 1; });
  const std::string only = " (--protocol http)";
  constexpr echo::Range header{128, 1ULL << 20U};
  echo::add_size(app, "--max-header", http.max_header,
                 "Largest head of a request, and extensions and trailers of a chunked body" + only,
                 header);
  echo::add_size(app, "--max-body", http.max_body, "Largest body of a request" + only);
  echo::add_duration(app, "--request-timeout", http.request_timeout,
                     "Time that a request may take to arrive, from its first byte on" + only);
  echo::add_duration(
      app, "--keepalive-timeout", options.keepalive_timeout,
      "Close a connection without a request for this long; --idle-timeout overrides it" + only);
  echo::add_choice(
      app, "--http-close",
      "Close after each response: with \"Connection: close\", without it, or with RST" + only,
      {"announced", "unannounced", "reset"},
      [&http](std::size_t index) {
        using protocol::HttpClose;
        constexpr std::array closes{HttpClose::announced, HttpClose::unannounced, HttpClose::reset};
        http.close = closes[index];
      })
      ->default_str("");
}

void complete_protocol_options(const CLI::App& app, ServerOptions& options) {
  if (!options.speaks_http) {
    for (const char* name : http_options) {
      if (app.get_option(name)->count() > 0)
        throw CLI::ValidationError(name, "needs --protocol http");
    }
    return;
  }
  options.http.buffer_size = options.buffer_size;
  options.http.one_message_per_turn = options.work.kind() != Work::Kind::none;
  if (!options.socket.idle_timeout) options.socket.idle_timeout = options.keepalive_timeout;
}

std::uint64_t stack_bytes_of_protocol(const ServerOptions& options) {
  // High water 10.3 KiB (--stack-report), of which a frame of Boost.Beast with 4 KiB for folded
  // lines, which HTTP does not have here. The echo's is 5.1 KiB.
  constexpr std::uint64_t of_http = 11U << 10U;
  return options.speaks_http ? of_http : 0;
}

std::unique_ptr<protocol::Protocol> make_protocol(const ServerOptions& options) {
  if (options.speaks_http) return std::make_unique<protocol::HttpProtocol>(options.http);
  return std::make_unique<protocol::EchoProtocol>();
}

}  // namespace server
