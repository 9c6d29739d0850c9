// What a program offers, as a document for scripts: its options, models and exit codes.
//
// Scripts query this and no list of their own, and never the text of --help, which is for people.
// It is made from the same declarations that parse the command line, so the two cannot differ.
// Schema: docs/schema/describe.json.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>

#include "echo/cli_fwd.hpp"

namespace echo {

inline constexpr std::string_view describe_schema_name = "echo-testbed-describe/1";

/// Declares --version and --describe, which every program has.
void add_program_flags(CLI::App& app);
/// Whether the flag was given.
bool asks_for_version(const CLI::App& app);
bool asks_for_description(const CLI::App& app);

/// Each option of `app`: name, short name, negation, type, unit, allowed words, default, sentence.
/// `end`: the end of a connection that it belongs to, "client" or "server"; "" for neither.
/// `models` is null, for every model.
boost::json::array options_of(const CLI::App& app, std::string_view end);

/// Each exit code and its meaning.
boost::json::array exit_codes_to_json();

}  // namespace echo
