#include "echo/describe.hpp"

#include <CLI/App.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/output/writer.hpp"
#include "echo/report.hpp"

namespace echo {
namespace {

namespace json = boost::json;

/// What a placeholder of the help stands for. Unit: that of a bare number.
struct Type {
  std::string_view placeholder;
  std::string_view name;
  std::string_view unit;
};
constexpr std::array types{Type{"N", "count", ""},
                           Type{"auto|N", "count", ""},
                           Type{"BYTES", "size", "bytes"},
                           Type{"TIME", "duration", "seconds"},
                           Type{"PER_SECOND", "rate", "1/s"},
                           Type{"PORT", "port", ""},
                           Type{"ADDR", "address", ""},
                           Type{"ADDR,..|CIDR", "addresses", ""},
                           Type{"CIDR", "network", ""},
                           Type{"HOST[:PORT[-PORT]]|URL", "target", ""},
                           Type{"FILE", "file", ""},
                           Type{"FILE|-", "file", ""},
                           Type{"FD", "descriptor", ""},
                           Type{"PID", "process", ""},
                           Type{"LIST", "processors", ""},
                           Type{"NAME", "name", ""},
                           Type{"WORK", "work", ""},
                           Type{"OBJECTIVE", "objective", ""},
                           Type{"DATE", "date", ""},
                           Type{"RANK/RANKS", "share", ""},
                           Type{"KEY=VALUE", "label", ""},
                           Type{"HEADER", "header", ""},
                           Type{"STATUS", "status", ""},
                           Type{"TEXT|@FILE", "text_or_file", ""},
                           Type{"TEXT", "text", ""}};

/// The words of "hold|stream|churn"; empty where the placeholder stands for something else.
json::array words_of(std::string_view placeholder) {
  const bool is_words = placeholder.find('|') != std::string_view::npos &&
                        std::none_of(placeholder.begin(), placeholder.end(),
                                     [](unsigned char c) { return std::isupper(c) != 0; });
  json::array words;
  for (std::size_t from = 0; is_words && from <= placeholder.size();) {
    const std::size_t bar = std::min(placeholder.find('|', from), placeholder.size());
    words.emplace_back(placeholder.substr(from, bar - from));
    from = bar + 1;
  }
  return words;
}

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

/// "--no-nodelay" of a flag that is declared as "--nodelay,!--no-nodelay".
std::string negation_of(const CLI::Option& option) {
  for (const std::string& name : option.get_lnames()) {
    if (name == "no-" + option.get_single_name()) return "--" + name;
  }
  return "";
}

json::object option_to_json(const CLI::Option& option, std::string_view end) {
  const bool positional = option.get_positional();
  const bool is_flag = option.get_items_expected_max() == 0;
  const std::string placeholder = is_flag ? "" : placeholder_of(option);
  const json::array words = words_of(placeholder);
  const auto* type = std::find_if(types.begin(), types.end(), [&](const Type& each) {
    return each.placeholder == placeholder;
  });
  std::string_view name = "text";
  if (is_flag) name = "flag";
  if (!words.empty()) name = "choice";
  if (type != types.end()) name = type->name;
  json::value standard = text_or_null(option.get_default_str());
  if (is_flag) standard = option.get_default_str() == "true";
  return {{"name", positional ? option.get_single_name() : "--" + option.get_single_name()},
          {"short", option.get_snames().empty() ? json::value(nullptr)
                                                : json::value("-" + option.get_snames().front())},
          {"negation", text_or_null(negation_of(option))},
          {"positional", positional},
          {"type", name},
          {"unit", text_or_null(type == types.end() ? "" : type->unit)},
          {"words", words.empty() ? json::value(nullptr) : json::value(words)},
          {"default", standard},
          {"end", text_or_null(end)},
          {"models", nullptr},
          {"description", option.get_description()}};
}

json::array exit_codes_to_json() {
  json::array codes;
  for (const auto& [code, meaning] : exit_meanings()) {
    codes.push_back(json::object{{"code", code}, {"meaning", meaning}});
  }
  return codes;
}

}  // namespace

void add_program_flags(CLI::App& app) {
  app.add_flag("--version")->description("Print version, commit, compiler and libraries, and exit");
  app.add_flag("--describe")
      ->description("Print the models, options and exit codes as JSON, and exit");
}

bool asks_for_version(const CLI::App& app) {
  return app.get_option("--version")->count() > 0;
}

bool asks_for_description(const CLI::App& app) {
  return app.get_option("--describe")->count() > 0;
}

json::array options_of(const CLI::App& app, std::string_view end) {
  json::array options;
  for (const CLI::Option* option : app.get_options()) {
    if (!is_request(*option)) options.push_back(option_to_json(*option, end));
  }
  return options;
}

json::object description_of(std::string_view program, std::string_view summary, json::array options,
                            const std::vector<Library>& libraries) {
  return {{"schema", describe_schema_name},
          {"program", program},
          {"summary", summary},
          {"version", version_to_json(libraries)},
          {"default_model", nullptr},
          {"models", json::array{}},
          {"options", std::move(options)},
          {"exit_codes", exit_codes_to_json()}};
}

bool print_requested(const CLI::App& app, std::string_view program, std::string_view summary,
                     std::string_view end) {
  if (asks_for_version(app)) {
    write_text(version_text(program));
    return true;
  }
  if (!asks_for_description(app)) return false;
  write_text(text_of_document(description_of(program, summary, options_of(app, end))));
  return true;
}

}  // namespace echo
