// The --describe document of a server: its models with their demand, and which options each takes.
#pragma once

#include <boost/json/object.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "echo/version.hpp"
#include "server/model.hpp"

namespace server {

using Models = std::span<const Model* const>;

/// Their names, with commas between.
std::string names_of(Models models);

/// The models among `models` that declare `option` ("--workers") themselves.
std::vector<const Model*> models_with(const std::string& option, Models models);

/// The parsed command line. The demand of `chosen` is computed for these options, that of each
/// other model for its defaults.
struct Parsed {
  const Model& chosen;
  const Model& default_model;  ///< runs unless --model is given
  const Configured& configured;
  const ServerOptions& options;
};
/// `summary`: one sentence. Schema: docs/schema/describe.json.
boost::json::object describe(std::string_view program, std::string_view summary, Models models,
                             const Parsed& parsed, const std::vector<echo::Library>& libraries);

}  // namespace server
