#include "protocol/http/known_head.hpp"

#include <algorithm>
#include <string_view>

namespace protocol {
namespace {

/// To keep a head costs as much as half of its parsing. Where each differs (a request's id in it)
/// one in so many is tried.
constexpr std::uint32_t tried_often = 16, then_one_in = 256;

constexpr std::string_view date_name = "\r\ndate:";

bool same_but_for_case(char a, char small) {
  return a == small || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == small);
}

}  // namespace

void KnownHead::keep(Bytes head, std::uint16_t status, std::uint64_t length) {
  if (head.size() > bytes_.size()) return;
  if (++in_vain_ > tried_often && in_vain_ % then_one_in != 0) return;
  std::copy(head.begin(), head.end(), bytes_.begin());
  size_ = head.size();
  status_ = status;
  length_ = length;
  date_at_ = date_size_ = 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), size_);
  const auto* const date =
      std::search(text.begin(), text.end(), date_name.begin(), date_name.end(), same_but_for_case);
  if (date == text.end()) return;
  date_at_ = static_cast<std::size_t>(date - text.begin()) + date_name.size();
  date_size_ = text.find('\r', date_at_) - date_at_;
}

bool KnownHead::begins_but_for_date(Bytes got) {
  const std::size_t rest = date_at_ + date_size_;
  if (date_size_ == 0 || std::memcmp(got.data(), bytes_.data(), date_at_) != 0 ||
      std::memcmp(got.data() + rest, bytes_.data() + rest, size_ - rest) != 0) {
    return false;
  }
  const Bytes date = got.subspan(date_at_, date_size_);
  const bool visible = std::all_of(date.begin(), date.end(), [](std::byte b) {
    return b >= std::byte{' '} && b < std::byte{0x7f};
  });
  if (visible)
    std::copy(date.begin(), date.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(date_at_));
  return visible;
}

}  // namespace protocol
