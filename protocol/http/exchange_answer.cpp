// The part of Exchange that writes: answers, as far as there is room for them.
#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <string_view>

#include "protocol/http/answer.hpp"
#include "protocol/http/exchange.hpp"
#include "protocol/http/status.hpp"

namespace protocol {

void Exchange::write_pattern_part(Call& call) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(call.room.size(), left_));
  write_pattern(offset_, call.room.first(size));
  call.room = call.room.subspan(size);
  offset_ += size;
  left_ -= size;
  if (left_ == 0) end_answer();
}

void Exchange::begin_answer(Call& call) {
  answer_begun_ = true;
  const std::time_t now = call.settings.wall_clock();
  if (unwritten_.empty() && call.room.size() >= largest_head) {
    call.room = call.room.subspan(write_head(answer_, now, call.room));
  } else {
    std::array<char, largest_head> head;
    put(call, {head.data(), write_head(answer_, now, head)});
  }
  if (answer_.body == Answer::Body::text && !answer_.is_head) put(call, text_of(answer_.status));
}

void Exchange::end_answer() {
  answer_begun_ = false;
  answer_ended_ = true;
  answer_ = {};
  stage_ = keeps_alive_ ? Stage::head : Stage::last;
}

/// Answers with an error, and closes. An answer that has begun ends unfinished instead, so that the
/// peer notices.
void Exchange::fail(Call& call, unsigned status) {
  deadline_ = Clock::time_point::max();
  head_ = {};
  if (!answer_begun_) {
    answer_ = {
        .status = status,
        .is_head = answer_.is_head,
        .connection = Answer::Connection::close,
        .allow = status == status::method_not_allowed ? answer_.allow : Resource::Kind::none};
    begin_answer(call);
    answer_ended_ = true;
  }
  stage_ = Stage::last;
  after_ = After::linger;
}

void Exchange::put(Call& call, std::string_view text) {
  std::size_t size = 0;
  if (unwritten_.empty()) {
    size = std::min(text.size(), call.room.size());
    std::memcpy(call.room.data(), text.data(), size);
    call.room = call.room.subspan(size);
  }
  if (size < text.size()) unwritten_.append(text.substr(size));
}

/// Returns whether all of `unwritten_` has found room.
bool Exchange::flush(Call& call) {
  if (unwritten_.empty()) return true;
  const std::size_t size = std::min(unwritten_.size(), call.room.size());
  std::memcpy(call.room.data(), unwritten_.data(), size);
  call.room = call.room.subspan(size);
  unwritten_.erase(0, size);
  return unwritten_.empty();
}

}  // namespace protocol
