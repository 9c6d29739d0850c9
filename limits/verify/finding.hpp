// What one probe found out about one limit. A plain value: a child hands it to its parent through a
// pipe, byte by byte, also when it has no memory left.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace limits {

/// A text of bounded length that needs no allocation; longer ones are cut.
template <std::size_t Size>
class ShortText {
 public:
  ShortText() = default;
  explicit ShortText(std::string_view text) : length_(text.copy(bytes_.data(), Size)) {}
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), length_}; }

 private:
  std::array<char, Size> bytes_{};
  std::size_t length_ = 0;
};

struct Finding {
  bool verified = false;        ///< the limit was reached; otherwise `reason` says why not
  std::uint64_t predicted = 0;  ///< by the preflight, under the child's own limits
  std::uint64_t reached = 0;    ///< how many there were when the kernel refused one more
  ShortText<64> confined;       ///< what the child was confined to: "RLIMIT_NOFILE 1000"
  ShortText<64> error;          ///< "EMFILE", or the counter that shows it
  ShortText<192> reason;

  /// Whether the two differ by at most 2 %; below 50 by nothing.
  [[nodiscard]] bool agrees() const {
    const std::uint64_t difference =
        predicted > reached ? predicted - reached : reached - predicted;
    return verified && difference <= predicted / 50;
  }
};
static_assert(std::is_trivially_copyable_v<Finding>);

inline Finding not_verified(std::string_view reason) {
  Finding finding;
  finding.reason = ShortText<192>(reason);
  return finding;
}

}  // namespace limits
