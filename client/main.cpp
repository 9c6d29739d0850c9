// client: N concurrent connections to an echo server, every byte verified. Try: ./client --help
#include <CLI/CLI.hpp>
#include <algorithm>

#include "client/load.hpp"
#include "client/options.hpp"
#include "client/present.hpp"
#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/report.hpp"

namespace {

int run(int argc, char** argv) {
  client::Options options;
  CLI::App app{
      "client: holds N connections to an echo server and verifies every byte that comes back",
      "client"};
  echo::use_plain_help(app);
  client::declare(app, options);
  const std::vector<std::string> arguments = client::modernised(argc, argv);
  std::vector<std::string> reversed(arguments.rbegin(),
                                    arguments.rend());  // as CLI11 wants a vector
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    echo::write_text(app.help());
    return echo::exit_pass;
  }

  client::Result result = client::run_load(options);
  result.shown_options = echo::options_to_json(app);
  result.arguments = arguments;
  if (!options.json.empty()) echo::write_document(options.json, client::json_of(result));
  if (options.json != "-") echo::write_text(client::text_of(result));
  return client::exit_code_of(result);
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("client", run, argc, argv);
}
