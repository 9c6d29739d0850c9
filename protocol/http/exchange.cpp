#include "protocol/http/exchange.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "protocol/http/status.hpp"

namespace protocol {
namespace {

std::string_view text_in(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<char> characters_of(std::span<std::byte> bytes) {
  return {reinterpret_cast<char*>(bytes.data()), bytes.size()};
}

/// Appends `part` without a capacity above `most`: a vector would double it.
void append(std::vector<char>& head, std::string_view part, std::size_t most) {
  const std::size_t size = head.size() + part.size();
  if (size > head.capacity()) head.reserve(std::clamp(2 * head.capacity(), size, most));
  head.insert(head.end(), part.begin(), part.end());
}

/// What follows the last answer.
After closing(HttpClose close) {
  switch (close) {
    case HttpClose::unannounced:
      return After::close;
    case HttpClose::reset:
      return After::reset;
    default:
      return After::linger;  // the peer may have sent more already
  }
}

/// `time` from now; a time beyond the clock's range is its last one but `max`, which is none.
Conversation::Clock::time_point deadline_after(const HttpSettings& settings,
                                               std::chrono::nanoseconds time) {
  using TimePoint = Conversation::Clock::time_point;
  constexpr TimePoint last = TimePoint::max() - std::chrono::nanoseconds{1};
  const TimePoint now = settings.steady_clock();
  return time < last - now ? now + time : last;
}

}  // namespace

Turn Exchange::on_received(const HttpSettings& settings, std::span<std::byte> got,
                           std::span<std::byte> room) {
  Call call{settings, got, characters_of(room)};
  const After after = advance(call);
  if (after == After::go_on) untaken_.assign(call.in.begin(), call.in.end());
  return turn_of(call, room, after);
}

Turn Exchange::go_on(const HttpSettings& settings, std::span<std::byte> room) {
  std::vector<std::byte> untaken = std::exchange(untaken_, {});
  Call call{settings, std::span{untaken}.subspan(untaken_at_), characters_of(room)};
  untaken_at_ = 0;
  const After after = advance(call);
  if (after == After::go_on && !call.in.empty()) {
    untaken_at_ = untaken.size() - call.in.size();
    untaken_ = std::move(untaken);
  }
  return turn_of(call, room, after);
}

Turn Exchange::on_time(const HttpSettings& settings, std::span<std::byte> room) {
  Call call{settings, {}, characters_of(room)};
  if (stage_ == Stage::linger) return {{}, 0, After::close};
  if (deadline_ == Clock::time_point::max())
    return {{}, 0, is_at_rest() ? After::read : After::go_on};
  untaken_ = {};
  untaken_at_ = 0;
  fail(call, status::request_timeout);
  const After after = advance(call);
  return turn_of(call, room, after);
}

bool Exchange::is_at_rest() const {
  return stage_ == Stage::head && scanner_.size() == 0 && unwritten_.empty() && untaken_.empty();
}

/// The Turn of a call, and the deadline from then on.
Turn Exchange::turn_of(const Call& call, std::span<std::byte> room, After after) {
  const HttpSettings& settings = call.settings;
  const std::span<std::byte> bytes = room.first(room.size() - call.room.size());
  if (stage_ == Stage::last && after == After::linger) {
    // The time of a lingering close begins when the last bytes are sent: with the next Turn.
    if (!bytes.empty()) return {bytes, call.messages, After::go_on};
    stage_ = Stage::linger;
  }
  if (stage_ == Stage::head && !head_has_begun()) {
    deadline_ = Clock::time_point::max();
  } else if (deadline_ == Clock::time_point::max()) {
    if (stage_ == Stage::linger) {
      deadline_ = deadline_after(settings, settings.linger_time);
    } else if ((stage_ == Stage::body || stage_ == Stage::head) && settings.request_timeout) {
      deadline_ = deadline_after(settings, *settings.request_timeout);
    }
  }
  return {bytes, call.messages, after};
}

/// An empty line before the request line (RFC 9112 2.2) is not yet a request: some peers send one
/// after a body.
bool Exchange::head_has_begun() const {
  return scanner_.size() > scanner_.request_line_at();
}

/// Takes and writes until one of both has come to its end. Returns what follows.
After Exchange::advance(Call& call) {
  for (;;) {
    if (!flush(call)) return After::go_on;
    if (std::exchange(answer_ended_, false)) {
      ++call.messages;
      if (call.settings.one_message_per_turn && stage_ == Stage::head && !call.in.empty())
        return After::go_on;
    }
    switch (stage_) {
      case Stage::head:
        if (!take_head(call)) return After::read;
        break;
      case Stage::body:
        if (!take_body(call)) return call.in.empty() ? After::read : After::go_on;
        break;
      case Stage::pattern:
        if (call.room.empty()) return After::go_on;
        write_pattern_part(call);
        break;
      case Stage::last:
        return after_;
      case Stage::linger:
        lingered_ += call.in.size();
        return lingered_ > call.settings.linger_bytes ? After::close : After::linger;
    }
  }
}

/// Returns false when more of the head must arrive.
bool Exchange::take_head(Call& call) {
  if (call.in.empty()) return false;
  const auto limit = static_cast<std::size_t>(call.settings.max_header);
  const std::size_t size = scanner_.scan(text_in(call.in), limit);
  scanned_ += size;
  const std::span<std::byte> part = call.in.first(size);
  call.in = call.in.subspan(size);
  if (scanner_.error() != 0) {
    fail(call, scanner_.error());
    return true;
  }
  if (scanner_.is_whole() && head_.empty()) {
    begin_request(call, characters_of(part));
    return true;
  }
  append(head_, text_in(part), limit);
  if (!scanner_.is_whole()) return false;
  std::vector<char> head = std::exchange(head_, {});
  begin_request(call, head);
  return true;
}

void Exchange::begin_request(Call& call, std::span<char> head) {
  // A version 1.2 or higher is served as 1.1 (RFC 9110 2.5). Beast knows none above.
  char& minor_version = head[scanner_.minor_version_at()];
  minor_version = std::min(minor_version, '1');
  const Request request = read_request(head.subspan(scanner_.request_line_at()));
  scanner_ = {};
  answer_.is_head = request.method == Method::head;
  if (request.error != 0) return fail(call, request.error);
  plan_answer(call.settings, request);
  const std::uint64_t most = call.settings.max_body.value_or(UINT64_MAX);
  if (!request.has_body()) return end_body(call);
  // The peer may wait for 100 with its body, or send it all: only a close separates both.
  if (answer_.status != status::ok) return fail(call, answer_.status);
  if (request.content_length > most) return fail(call, status::content_too_large);
  is_chunked_ = request.is_chunked;
  left_ = is_chunked_ ? most : request.content_length;
  chunks_ = {};
  stage_ = Stage::body;
  if (request.expects_continue) put(call, continue_head);
}

void Exchange::plan_answer(const HttpSettings& settings, const Request& request) {
  using Kind = Resource::Kind;
  using Connection = Answer::Connection;
  const bool closes = settings.close != HttpClose::none;
  keeps_alive_ = request.keeps_alive && !closes;
  after_ = closing(settings.close);
  if (!request.keeps_alive || settings.close == HttpClose::announced) {
    answer_.connection = Connection::close;
  } else if (request.is_version_1_0 && !closes) {
    answer_.connection = Connection::keep_alive;
  }
  const Kind kind = request.resource.kind;
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (kind == Kind::none) {
    answer_.status = status::not_found;
  } else if (request.method == Method::options) {
    answer_.body = Answer::Body::none;
    answer_.allow = kind;
  } else if (kind == Kind::echo ? request.method != Method::post : !reads) {
    answer_.status = status::method_not_allowed;
    answer_.allow = kind;
  } else if (kind == Kind::bytes) {
    answer_.body = Answer::Body::pattern;
    answer_.length = request.resource.length;
  } else if (kind == Kind::echo) {
    answer_.body = Answer::Body::echo;
    answer_.length = request.content_length;
    answer_.is_chunked = request.is_chunked;
  }
}

/// Returns false when more of the body must arrive, or room is needed for its echo.
bool Exchange::take_body(Call& call) {
  if (call.in.empty()) return false;
  if (is_chunked_) return take_chunked(call);
  const bool echoes = answer_.body == Answer::Body::echo;
  if (echoes && !answer_begun_) {
    begin_answer(call);
    return true;
  }
  std::size_t size = std::min(call.in.size(), echoes ? call.room.size() : call.in.size());
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
  if (size == 0) return false;
  if (echoes) put(call, text_in(call.in.first(size)));
  call.in = call.in.subspan(size);
  left_ -= size;
  if (left_ == 0) end_body(call);
  return true;
}

bool Exchange::take_chunked(Call& call) {
  const bool echoes = answer_.body == Answer::Body::echo;
  const auto event = chunks_.next(text_in(call.in), echoes ? call.room.size() : call.in.size(),
                                  static_cast<std::size_t>(call.settings.max_header));
  const std::span<std::byte> taken = call.in.first(event.taken);
  call.in = call.in.subspan(event.taken);
  switch (event.what) {
    case ChunkDecoder::What::more:
      return false;
    case ChunkDecoder::What::chunk:
      begin_chunk(call, event.size);
      break;
    case ChunkDecoder::What::data:
      if (echoes) put(call, text_in(taken));
      break;
    case ChunkDecoder::What::end_of_chunk:
      if (echoes) put(call, "\r\n");
      break;
    case ChunkDecoder::What::end:
      end_body(call);
      break;
    case ChunkDecoder::What::error:
      fail(call, static_cast<unsigned>(event.size));
      break;
  }
  return true;
}

/// The echo has the chunks of the request: its bytes do not depend on how they arrived, and are
/// never more than those received.
void Exchange::begin_chunk(Call& call, std::uint64_t size) {
  if (size > left_) return fail(call, status::content_too_large);
  left_ -= size;
  if (answer_.body != Answer::Body::echo) return;
  if (!answer_begun_) begin_answer(call);
  constexpr int base = 16;
  std::array<char, 20> line{};
  char* end = std::to_chars(line.begin(), line.end() - 2, size, base).ptr;
  *end++ = '\r';
  *end++ = '\n';
  put(call, {line.data(), static_cast<std::size_t>(end - line.data())});
}

/// The request is whole.
void Exchange::end_body(Call& call) {
  deadline_ = Clock::time_point::max();
  if (!answer_begun_) begin_answer(call);
  if (answer_.body == Answer::Body::pattern && !answer_.is_head && answer_.length > 0) {
    left_ = answer_.length;
    offset_ = 0;
    stage_ = Stage::pattern;
    return;
  }
  if (answer_.is_chunked) put(call, "0\r\n\r\n");
  end_answer();
}

}  // namespace protocol
