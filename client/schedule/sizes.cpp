#include "client/schedule/sizes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "echo/splitmix64.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

constexpr std::uint64_t most_weight = 1'000'000;

[[noreturn]] void refuse(std::string_view text) {
  throw std::invalid_argument(
      fmt::format("\"{}\": bytes from 1 to 1G such as 64, a range such as 64-4096, or a list with "
                  "weights from 1 to 1000000 such as 64:7,1024:2,65536:1",
                  text));
}

/// Removes and returns the part of `text` before `mark`, and drops the mark. Without a mark: all of
/// `text`.
std::string_view take_until(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return part;
}

/// Scales `random` to 0 .. below - 1, uniform to 1 in 2^32. `below` < 2^32.
std::uint64_t scaled_below(std::uint64_t random, std::uint64_t below) {
  return ((random >> 32U) * below) >> 32U;
}

}  // namespace

MessageSizes::MessageSizes(std::uint32_t bytes) : choices_{{bytes, bytes, 1}} {}

MessageSizes MessageSizes::parse(std::string_view text) {
  MessageSizes sizes;
  std::uint64_t weights = 0;
  std::string_view rest = text;
  do {
    std::string_view weight = take_until(rest, ',');
    const bool dangling = weight.ends_with(':');
    std::string_view last = take_until(weight, ':');
    if (dangling || last.ends_with('-')) refuse(text);
    const std::string_view first = take_until(last, '-');
    try {
      const std::uint64_t from = limits::parse_size(first);
      const std::uint64_t to = last.empty() ? from : limits::parse_size(last);
      const std::uint64_t times = weight.empty() ? 1 : limits::parse_count(weight);
      if (from < 1 || to < from || to > most || times < 1 || times > most_weight) refuse(text);
      weights += times;
      sizes.choices_.push_back(
          {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to), weights});
    } catch (const std::invalid_argument&) {
      refuse(text);
    }
  } while (!rest.empty());
  if (text.back() == ',' || sizes.choices_.size() > 1'000) refuse(text);
  sizes.varies_ =
      sizes.choices_.size() > 1 || sizes.choices_.front().first != sizes.choices_.front().last;
  return sizes;
}

std::uint32_t MessageSizes::drawn(echo::MessageId id) const {
  const std::uint64_t name = (std::uint64_t{id.connection} << 32U) | id.message;
  const std::uint64_t random =
      echo::splitmix64(seed_ + echo::splitmix64(name + echo::splitmix64_increment));
  const std::uint64_t ticket = scaled_below(random, choices_.back().up_to);
  const auto choice =
      std::upper_bound(choices_.begin(), choices_.end(), ticket,
                       [](std::uint64_t value, const Choice& one) { return value < one.up_to; });
  const std::uint64_t span = std::uint64_t{choice->last} - choice->first + 1;
  return choice->first + static_cast<std::uint32_t>(scaled_below(echo::splitmix64(random), span));
}

std::uint32_t MessageSizes::largest() const {
  std::uint32_t largest = 0;
  for (const Choice& choice : choices_) largest = std::max(largest, choice.last);
  return largest;
}

double MessageSizes::mean() const {
  double sum = 0;
  std::uint64_t before = 0;
  for (const Choice& choice : choices_) {
    const double middle = (double{1} * choice.first + choice.last) / 2;
    sum += middle * static_cast<double>(choice.up_to - before);
    before = choice.up_to;
  }
  return sum / static_cast<double>(before);
}

}  // namespace client
