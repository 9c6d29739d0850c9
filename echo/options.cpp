#include "echo/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <initializer_list>
#include <stdexcept>

#include "limits/demand.hpp"
#include "limits/quantity.hpp"

namespace echo {
namespace {

/// Parses with `parse` and stores with `store`. Every error names the option.
template <typename Value>
CLI::Option* add(CLI::App& app, const std::string& names, const std::string& what,
                 const std::string& type, const std::string& shown_default,
                 std::function<Value(std::string_view)> parse, std::function<void(Value)> store) {
  CLI::Option* option = app.add_option_function<std::string>(
      names,
      [parse, store, names](const std::string& text) {
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
      throw std::invalid_argument(
          range.most == UINT64_MAX
              ? fmt::format("\"{}\": at least {}", text, range.least)
              : fmt::format("\"{}\": from {} to {}", text, range.least, range.most));
    }
    return value;
  };
}

std::function<std::chrono::nanoseconds(std::string_view)> duration(bool zero_allowed) {
  return [zero_allowed](std::string_view text) {
    const auto value = limits::parse_duration(text);
    if (value.count() == 0 && !zero_allowed) {
      throw std::invalid_argument(fmt::format("\"{}\": a duration above 0", text));
    }
    return value;
  };
}

struct Unit {
  std::uint64_t factor;
  const char* suffix;
};

/// Exact, and in a form that can be typed: a report's options must reproduce the run ("1.46 KiB"
/// would not).
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

/// Reads all of `text` as a number; false where it is not one.
bool read_whole(std::string_view text, unsigned& number) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

/// CLI11's help without its type expressions: "--port PORT (1234)" instead of "PORT:INT in [0 -
/// 65535]=1234".
class PlainHelp : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    if (is_positional) return option->get_name(true, false);
    std::string names;
    for (const std::string& name : option->get_snames()) names += "-" + name + ",";
    for (const std::string& name : option->get_lnames()) names += "--" + name + ",";
    if (!names.empty()) names.pop_back();
    return names;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const bool is_flag = option->get_items_expected_max() == 0;
    std::string text = is_flag ? "" : " " + placeholder_of(*option);
    if (!option->get_default_str().empty()) {
      text += fmt::format(" ({})", is_flag ? "on" : option->get_default_str());
    }
    return text;
  }
};

}  // namespace

void use_plain_help(CLI::App& app) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  const auto formatter = std::make_shared<PlainHelp>();
  formatter->column_width(34);
  app.formatter(formatter);
}

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

CLI::Option* add_size(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& value,
                      const std::string& what, Range range) {
  return add<std::uint64_t>(app, names, what, "BYTES", "", within(limits::parse_size, range),
                            [&value](auto v) { value = v; });
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

CLI::Option* add_output(CLI::App& app, const std::string& name, std::string& path,
                        const std::string& what) {
  return app
      .add_option_function<std::string>(
          name,
          [&path, name](const std::string& text) {
            if (text.empty())
              throw CLI::ValidationError(name, "an empty path; give a file, or - for stdout");
            path = text;
          },
          what)
      ->type_name("FILE|-");
}

CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& value,
                      const std::string& what) {
  return app.add_flag(names, value, what);
}

std::vector<unsigned> parse_cpus(std::string_view text) {
  std::vector<unsigned> cpus;
  std::string_view rest = text;
  const auto refuse = [text] {
    throw std::invalid_argument(fmt::format("\"{}\": processors from 0 to 1023 as 0,2-3", text));
  };
  do {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    if (comma != std::string_view::npos && rest.empty()) refuse();
    const std::size_t dash = part.find('-');
    unsigned first = 0;
    if (!read_whole(part.substr(0, dash), first)) refuse();
    unsigned last = first;
    if (dash != std::string_view::npos && !read_whole(part.substr(dash + 1), last)) refuse();
    if (last < first || last > 1023) refuse();
    for (unsigned cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  } while (!rest.empty());
  return cpus;
}

CLI::Option* add_choice(CLI::App& app, const std::string& names, const std::string& what,
                        const std::vector<std::string>& words,
                        std::function<void(std::size_t)> store) {
  const auto index_of = [words](std::string_view text) {
    const auto found = std::find(words.begin(), words.end(), text);
    if (found == words.end()) {
      throw std::invalid_argument(fmt::format("\"{}\": {}", text, fmt::join(words, " or ")));
    }
    return static_cast<std::size_t>(found - words.begin());
  };
  return add<std::size_t>(app, names, what, fmt::format("{}", fmt::join(words, "|")), words.front(),
                          index_of, std::move(store));
}

CLI::Option* add_tables(CLI::App& app, std::optional<std::uint64_t>& tables,
                        const std::string& what) {
  tables.reset();
  using Tables = std::optional<std::uint64_t>;
  const auto parse = [](std::string_view text) -> Tables {
    if (text == "auto") return std::nullopt;
    try {
      return within(limits::parse_count, {1, limits::most_descriptor_tables})(text);
    } catch (const std::invalid_argument&) {
      throw std::invalid_argument(fmt::format("\"{}\": auto, or a count from 1 to {}", text,
                                              limits::most_descriptor_tables));
    }
  };
  return add<Tables>(app, "--tables", what, "auto|N", "auto", parse,
                     [&tables](Tables value) { tables = value; });
}

CLI::Option* add_cpus(CLI::App& app, std::vector<unsigned>& cpus, const std::string& what) {
  return add<std::vector<unsigned>>(app, "--cpus", what, "LIST", "", parse_cpus,
                                    [&cpus](auto value) { cpus = std::move(value); });
}

std::string placeholder_of(const CLI::Option& option) {
  // "PORT:INT in [0 - 65535]": a check is added after a colon; "HOST[:PORT]" is all unit.
  const std::string type = option.get_type_name();
  const std::size_t colon = type.find(':');
  const bool is_check = colon != std::string::npos && colon > 0 && type[colon - 1] != '[';
  return is_check ? type.substr(0, colon) : type;
}

bool is_request(const CLI::Option& option) {
  constexpr std::array<std::string_view, 4> requests{"help", "list-models", "version", "describe"};
  return std::find(requests.begin(), requests.end(), option.get_single_name()) != requests.end();
}

std::string one_line(const CLI::ParseError& error) {
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace echo
