#include "echo/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <initializer_list>
#include <stdexcept>

#include "limits/quantity.hpp"

namespace echo {
namespace {

/// Parses with `parse`, checks with `check`, stores with `store`; any complaint names the option.
template <typename Value>
CLI::Option* add(CLI::App& app, const std::string& names, const std::string& what,
                 const std::string& type, const std::string& shown_default,
                 std::function<Value(std::string_view)> parse, std::function<void(Value)> store) {
  CLI::Option* option = app.add_option_function<std::string>(
      names,
      [parse, store, &app, names](const std::string& text) {
        try {
          store(parse(text));
        } catch (const std::invalid_argument& error) {
          const std::string shown = names.substr(names.rfind(',') + 1);
          throw CLI::ValidationError(shown, error.what());
        }
      },
      what);
  option->type_name(type);
  if (!shown_default.empty()) option->default_str(shown_default);
  return option;
}

std::function<std::uint64_t(std::string_view)> within(std::uint64_t (*parse)(std::string_view),
                                                      Range range) {
  return [parse, range](std::string_view text) {
    const std::uint64_t value = parse(text);
    if (value < range.least || value > range.most) {
      std::string allowed = range.most == UINT64_MAX ? "at least " + std::to_string(range.least)
                                                     : "from " + std::to_string(range.least) +
                                                           " to " + std::to_string(range.most);
      throw std::invalid_argument("\"" + std::string(text) + "\": " + allowed);
    }
    return value;
  };
}

std::function<std::chrono::nanoseconds(std::string_view)> duration(bool zero_allowed) {
  return [zero_allowed](std::string_view text) {
    const auto value = limits::parse_duration(text);
    if (value.count() == 0 && !zero_allowed) {
      throw std::invalid_argument("\"" + std::string(text) + "\": a duration above 0");
    }
    return value;
  };
}

struct Unit {
  std::uint64_t factor;
  const char* suffix;
};

/// Exact, and as it could be typed: a report's options must reproduce the run ("1.46 KiB" would
/// not).
std::string typed(std::uint64_t value, std::initializer_list<Unit> largest_first) {
  for (const Unit& unit : largest_first) {
    if (value != 0 && value % unit.factor == 0)
      return std::to_string(value / unit.factor) + unit.suffix;
  }
  return std::to_string(value);
}

std::string typed_size(std::uint64_t bytes) {
  return typed(bytes,
               {{1ULL << 40U, "T"}, {1ULL << 30U, "G"}, {1ULL << 20U, "M"}, {1ULL << 10U, "K"}});
}

std::string typed_duration(std::chrono::nanoseconds value) {
  return typed(static_cast<std::uint64_t>(value.count()), {{3'600'000'000'000, "h"},
                                                           {60'000'000'000, "m"},
                                                           {1'000'000'000, "s"},
                                                           {1'000'000, "ms"},
                                                           {1'000, "us"},
                                                           {1, "ns"}});
}

}  // namespace

CLI::Option* add_count(CLI::App& app, const std::string& names, std::uint64_t& value,
                       const std::string& what, Range range) {
  return add<std::uint64_t>(app, names, what, "N", std::to_string(value),
                            within(limits::parse_count, range), [&value](auto v) { value = v; });
}

CLI::Option* add_count(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& value,
                       const std::string& what, Range range) {
  return add<std::uint64_t>(app, names, what, "N", "", within(limits::parse_count, range),
                            [&value](auto v) { value = v; });
}

CLI::Option* add_size(CLI::App& app, const std::string& names, std::uint64_t& value,
                      const std::string& what, Range range) {
  return add<std::uint64_t>(app, names, what, "BYTES", typed_size(value),
                            within(limits::parse_size, range), [&value](auto v) { value = v; });
}

CLI::Option* add_duration(CLI::App& app, const std::string& names, std::chrono::nanoseconds& value,
                          const std::string& what, bool zero_allowed) {
  return add<std::chrono::nanoseconds>(app, names, what, "TIME", typed_duration(value),
                                       duration(zero_allowed), [&value](auto v) { value = v; });
}

CLI::Option* add_duration(CLI::App& app, const std::string& names,
                          std::optional<std::chrono::nanoseconds>& value, const std::string& what,
                          bool zero_allowed) {
  return add<std::chrono::nanoseconds>(app, names, what, "TIME", "", duration(zero_allowed),
                                       [&value](auto v) { value = v; });
}

std::string one_line(const CLI::ParseError& error) {
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace echo
