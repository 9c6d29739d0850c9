// Options whose values have a unit: "10k", "64K", "250ms". All programs use the same spelling.
//
// Each function returns CLI11's option. A bad value becomes CLI11's own validation error, which
// ends the program with exit code 2 and one line that states what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echo/cli_fwd.hpp"

namespace echo {

/// The smallest and the largest value allowed; the error line states them.
struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = UINT64_MAX;
};

/// A count with decimal suffixes: 10k is 10,000.
CLI::Option* add_count(CLI::App& app, const std::string& names, std::uint64_t& value,
                       const std::string& what, Range range = {});
CLI::Option* add_count(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& value,
                       const std::string& what, Range range = {});
/// Bytes with binary suffixes: 64K is 65,536.
CLI::Option* add_size(CLI::App& app, const std::string& names, std::uint64_t& value,
                      const std::string& what, Range range = {});
CLI::Option* add_size(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& value,
                      const std::string& what, Range range = {});
/// A duration: "5s", "250ms", "1h30m"; a bare number is seconds. `zero_allowed` false: above 0.
CLI::Option* add_duration(CLI::App& app, const std::string& names, std::chrono::nanoseconds& value,
                          const std::string& what, bool zero_allowed = false);
CLI::Option* add_duration(CLI::App& app, const std::string& names,
                          std::optional<std::chrono::nanoseconds>& value, const std::string& what,
                          bool zero_allowed = false);

/// A file to write, or - for stdout.
CLI::Option* add_output(CLI::App& app, const std::string& name, std::string& path,
                        const std::string& what);

/// True when the flag is given.
CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& value,
                      const std::string& what);
/// One of several words; the first one is the default. `store` gets the index of the word.
CLI::Option* add_choice(CLI::App& app, const std::string& names, const std::string& what,
                        const std::vector<std::string>& words,
                        std::function<void(std::size_t)> store);
/// "0,2-3": processors, in the given order. Throws std::invalid_argument that states what is
/// allowed.
std::vector<unsigned> parse_cpus(std::string_view text);
/// --tables auto|N; nullopt stands for auto, the default. `least`: the smallest N beside 1.
CLI::Option* add_tables(CLI::App& app, std::optional<std::uint64_t>& tables,
                        const std::string& what);
CLI::Option* add_cpus(CLI::App& app, std::vector<unsigned>& cpus, const std::string& what);

/// -h and --help in a readable layout: name, unit, default in brackets, sentence.
void use_plain_help(CLI::App& app);

/// The placeholder of the option's value in the help: "BYTES", "hold|stream|churn", without CLI11's
/// own additions ("PORT:INT in [0 - 65535]").
std::string placeholder_of(const CLI::Option& option);
/// Whether the option only makes the program print something and exit (--help, --list-models,
/// --version, --describe).
bool is_request(const CLI::Option& option);

/// "--name: what is allowed" on one line, from any error of CLI11.
std::string one_line(const CLI::ParseError& error);

}  // namespace echo
