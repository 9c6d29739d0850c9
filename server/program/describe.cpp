#include "server/program/describe.hpp"

#include <CLI/App.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <string>

#include "echo/demand.hpp"
#include "echo/describe.hpp"
#include "echo/report.hpp"
#include "server/program/tables.hpp"

namespace server {
namespace {

namespace json = boost::json;

json::object model_to_json(const Model& model, const Configured& configured,
                           const ServerOptions& options) {
  const Shape shape = configured.shape_of(options);
  const std::uint64_t connections = options.max_connections.value_or(1);
  return {{"name", model.name},
          {"summary", model.summary},
          {"workers", shape.workers},
          {"listeners", shape.listeners},
          {"at_once", echo::to_json(shape.at_once)},
          {"spins", shape.spins},
          {"backlog", options.backlog},
          {"demand", echo::to_json(configured.demand(options, connections).traits)}};
}

/// One option as several models declare it. A model that declares it otherwise (another default or
/// description) has its own entry.
struct Entry {
  json::object option;
  json::array models;
};

json::array options_of(Models models, const Model& default_model) {
  std::vector<Entry> entries;
  for (const Model* model : models) {
    CLI::App app;
    ServerOptions options;
    echo::add_program_flags(app);
    add_common_options(app, options, names_of(models), std::string(default_model.name));
    [[maybe_unused]] const Configured keep = configure(*model, app, options);
    for (json::value& each : echo::options_of(app, "server")) {
      const json::object& option = each.as_object();
      auto found = std::find_if(entries.begin(), entries.end(),
                                [&](const Entry& entry) { return entry.option == option; });
      if (found == entries.end()) found = entries.insert(entries.end(), {option, {}});
      found->models.emplace_back(model->name);
    }
  }
  json::array options;
  for (Entry& entry : entries) {
    if (entry.models.size() < models.size()) entry.option["models"] = std::move(entry.models);
    options.emplace_back(std::move(entry.option));
  }
  return options;
}

}  // namespace

std::string names_of(Models models) {
  std::string names;
  for (const Model* model : models) names += (names.empty() ? "" : ", ") + std::string(model->name);
  return names;
}

std::vector<const Model*> models_with(const std::string& option, Models models) {
  std::vector<const Model*> found;
  for (const Model* model : models) {
    CLI::App own;
    ServerOptions options;
    [[maybe_unused]] const Configured keep = configure(*model, own, options);
    if (own.get_option_no_throw(option) != nullptr) found.push_back(model);
  }
  return found;
}

json::object describe(std::string_view program, std::string_view summary, Models models,
                      const Parsed& parsed, const std::vector<echo::Library>& libraries) {
  json::array described;
  for (const Model* model : models) {
    if (model == &parsed.chosen) {
      described.push_back(model_to_json(*model, parsed.configured, parsed.options));
      continue;
    }
    CLI::App app;
    ServerOptions options;
    const Configured configured = configure(*model, app, options);
    described.push_back(model_to_json(*model, configured, options));
  }
  json::object document =
      echo::description_of(program, summary, options_of(models, parsed.default_model), libraries);
  document["default_model"] = parsed.default_model.name;
  document["models"] = std::move(described);
  return document;
}

}  // namespace server
