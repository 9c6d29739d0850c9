#include "client/options/share.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <string>

namespace client {
namespace {

/// Throws std::invalid_argument unless all of `text` is a number.
std::uint32_t number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument("no number");
  return number;
}

}  // namespace

Share parse_share(std::string_view text) {
  try {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) throw std::invalid_argument("no slash");
    const Share share{number_in(text.substr(0, slash)), number_in(text.substr(slash + 1))};
    if (share.ranks <= most_ranks && share.rank < share.ranks) return share;
  } catch (const std::invalid_argument&) {
    // The line below says what is allowed.
  }
  throw std::invalid_argument(fmt::format(
      "\"{}\": RANK/RANKS such as 0/4, the first of 4 clients, of at most {}", text, most_ranks));
}

}  // namespace client
