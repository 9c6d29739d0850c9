// The server's half of HTTP/1.1 (RFC 9110, RFC 9112).
//
// GET and HEAD of "/" (the text "ok") and "/bytes/N" (a body of N bytes), POST to "/echo" (the
// request's body), OPTIONS. A request that comes whole is answered from the stack, without an
// allocation. A connection at rest has no Conversation. Where it has a stack, that keeps the pages
// which the first request has touched (docs/servers.md).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/http/settings.hpp"
#include "protocol/protocol.hpp"

namespace protocol {

class HttpProtocol final : public Protocol {
 public:
  explicit HttpProtocol(const HttpSettings& settings) : settings_(settings) {}

  [[nodiscard]] std::string_view name() const override { return "http"; }
  [[nodiscard]] Turn on_received(ConversationSlot& slot, std::span<std::byte> got,
                                 std::span<std::byte> spare) const override;
  [[nodiscard]] Turn go_on(ConversationSlot& slot) const override;
  [[nodiscard]] Turn on_time(ConversationSlot& slot) const override;
  [[nodiscard]] std::optional<std::chrono::nanoseconds> shortest_timeout() const override {
    return std::min(settings_.linger_time,
                    settings_.request_timeout.value_or(settings_.linger_time));
  }
  [[nodiscard]] std::size_t bytes_per_thread() const override;
  void lend(std::span<std::byte> bytes) const override;

 private:
  HttpSettings settings_;
};

}  // namespace protocol
