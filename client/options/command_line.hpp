// The options of the client's command line: names, help, groups and the values allowed.
#pragma once

#include "client/options/options.hpp"
#include "echo/cli_fwd.hpp"

namespace client {

/// Declares the options on `app`, whose parse() fills them in.
void declare(CLI::App& app, Options& options);

}  // namespace client
