#include "echo_async/uring/unsent_replies.hpp"

#include <utility>

namespace echo_async {

void UnsentReplies::add(std::span<const std::byte> reply, std::uint64_t messages) {
  waiting_.bytes.insert(waiting_.bytes.end(), reply.begin(), reply.end());
  waiting_.messages += messages;
}

void UnsentReplies::add_first(std::span<const std::byte> rest) {
  sending_.bytes.assign(rest.begin(), rest.end());
  sending_.messages = 1;
  sent_ = 0;
}

std::span<const std::byte> UnsentReplies::to_send() {
  if (sent_ == sending_.bytes.size()) {
    std::swap(sending_, waiting_);
    waiting_.bytes.clear();
    waiting_.messages = 0;
    sent_ = 0;
  }
  return std::span(sending_.bytes).subspan(sent_);
}

std::uint64_t UnsentReplies::sent(std::size_t bytes) {
  sent_ += bytes;
  return sent_ == sending_.bytes.size() ? std::exchange(sending_.messages, 0) : 0;
}

}  // namespace echo_async
