// What a program offers, as a document for scripts: its options, models and exit codes.
//
// Scripts read this document. They keep no list of options or models, and do not parse the text of
// --help, which is for people. The document is made from the declarations that parse the command
// line, so the two cannot differ.
// Schema: docs/schema/describe.json.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "echo/cli_fwd.hpp"
#include "echo/version.hpp"

namespace echo {

inline constexpr std::string_view describe_schema_name = "echo-testbed-describe/1";

/// Declares --version and --describe, which every program has.
void add_program_flags(CLI::App& app);
/// Whether the flag was given.
bool asks_for_version(const CLI::App& app);
bool asks_for_description(const CLI::App& app);

/// Each option of `app`: name, short name, negation, type, unit, allowed words, default, sentence.
/// `end`: the end of a connection that it belongs to, "client" or "server"; "" for neither.
/// `models` is null: every model has the option.
boost::json::array options_of(const CLI::App& app, std::string_view end);

/// The document of a program without models. `summary`: one sentence; `options`: of options_of().
boost::json::object description_of(std::string_view program, std::string_view summary,
                                   boost::json::array options,
                                   const std::vector<Library>& libraries = {});

/// Carries out --version or --describe of a program without models; false if neither was given.
bool print_requested(const CLI::App& app, std::string_view program, std::string_view summary,
                     std::string_view end);

}  // namespace echo
