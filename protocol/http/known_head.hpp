// The head of a server's last good response: the next one has mostly the same bytes.
//
// A head that is byte for byte one that was parsed has the same framing, so it need not be parsed
// again: one comparison takes the place of some 150 steps of the parser. The value of Date may
// differ, as long as it has the same size and only visible characters: it cannot hold the end of
// its line then.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace protocol {

class KnownHead {
 public:
  using Bytes = std::span<const std::byte>;

  /// Whether `got` begins with the head. It then goes on with a body of length().
  [[nodiscard]] bool begins(Bytes got) {
    if (size_ == 0 || got.size() < size_) return false;
    if (std::memcmp(got.data(), bytes_.data(), size_) != 0 && !begins_but_for_date(got))
      return false;
    in_vain_ = 0;
    return true;
  }
  /// Keeps `head`, of a response with a Content-Length after which the connection goes on. Ignored
  /// where it is too long, or where no head has come twice lately.
  void keep(Bytes head, std::uint16_t status, std::uint64_t length);

  [[nodiscard]] std::size_t size() const { return size_; }  ///< 0: none is known
  [[nodiscard]] std::uint16_t status() const { return status_; }
  [[nodiscard]] std::uint64_t length() const { return length_; }

 private:
  [[nodiscard]] bool begins_but_for_date(Bytes got);

  std::uint64_t length_ = 0;
  std::size_t size_ = 0;
  std::size_t date_at_ = 0, date_size_ = 0;  ///< 0: it has none
  std::uint32_t in_vain_ = 0;                ///< kept since one was found again
  std::uint16_t status_ = 0;
  std::array<std::byte, 1024> bytes_;  ///< the first size_
};

}  // namespace protocol
