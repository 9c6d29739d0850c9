#include "tests/protocol/http_driver.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "protocol/http/head_scanner.hpp"
#include "protocol/http/request.hpp"
#include "tests/protocol/allocation_count.hpp"

namespace tests {

using protocol::After;

protocol::HttpSettings fixed_settings() {
  protocol::HttpSettings settings;
  settings.wall_clock = [] { return std::time_t{784111777}; };  // Sun, 06 Nov 1994 08:49:37 GMT
  settings.steady_clock = [] {
    return protocol::Conversation::Clock::time_point{std::chrono::hours{1}};
  };
  return settings;
}

bool is_read_alike(std::string_view bytes) {
  protocol::HeadScanner scanner;
  std::string head{bytes.substr(0, scanner.scan(bytes, bytes.size()))};
  if (!scanner.is_whole()) return true;
  char& minor_version = head[scanner.minor_version_at()];
  minor_version = std::min(minor_version, '1');
  const auto text = std::span{head}.subspan(scanner.request_line_at());
  return protocol::read_request(text) == protocol::read_unusual_request(text);
}

template <typename Call>
protocol::Turn HttpDriver::counted(Call call) {
  AllocationCount& count = allocations();
  const std::ptrdiff_t before = count.kept;
  count.most_kept = before;
  const protocol::Turn turn = call();
  most_kept_ = std::max(most_kept_, kept_ + count.most_kept - before);
  kept_ += count.kept - before;
  return turn;
}

void HttpDriver::go_on() {
  while (after_ == After::go_on && !has_left())
    take(counted([this] { return protocol_->go_on(slot_); }));
}

void HttpDriver::receive(std::string_view bytes) {
  receive(bytes, {});
}

void HttpDriver::receive(std::string_view bytes, const std::vector<std::size_t>& cuts) {
  std::size_t at = 0;
  std::size_t next = 0;
  while (at < bytes.size() && (after_ == After::read || after_ == After::linger) && !has_left()) {
    while (next < cuts.size() && cuts[next] <= at) ++next;
    const std::size_t end = next < cuts.size() ? std::min(cuts[next], bytes.size()) : bytes.size();
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(end - at, settings_.buffer_size));
    // Of its exact size, so that the address sanitizer sees a read beyond it; freed after the call,
    // so that it sees that the protocol has kept a reference.
    const auto got = std::make_unique<std::byte[]>(size);
    std::memcpy(got.get(), bytes.data() + at, size);
    at += size;
    take(counted([&] { return protocol_->answer_to(slot_, {got.get(), size}); }));
    std::fill_n(got.get(), size, std::byte{'#'});
    go_on();
  }
}

void HttpDriver::time_out() {
  take(counted([this] { return protocol_->on_time(slot_); }));
  go_on();
}

void HttpDriver::take(protocol::Turn turn) {
  if (after_ == After::linger && !turn.bytes.empty()) fault_ = "bytes after the last answer";
  if (after_ == After::go_on && turn.after == After::go_on && turn.bytes.empty())
    fault_ = "a turn goes on without bytes";
  if (turn.bytes.size() > settings_.buffer_size) fault_ = "a turn is longer than the buffer";
  if (turn.after == After::go_on && !slot_) fault_ = "a turn goes on without a conversation";
  if (turn.after == After::linger &&
      (!slot_ || slot_->deadline() == protocol::Conversation::Clock::time_point::max()))
    fault_ = "a lingering close without a deadline";
  sent_.append(reinterpret_cast<const char*>(turn.bytes.data()), turn.bytes.size());
  messages_ += turn.messages;
  most_messages_ = std::max(most_messages_, turn.messages);
  after_ = turn.after;
}

}  // namespace tests
