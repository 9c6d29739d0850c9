// The body of both servers: parse, preflight, listen, serve, report. The same for every model, so
// that two models differ in nothing but how they serve.
#pragma once

#include <span>
#include <vector>

#include "echo/version.hpp"
#include "server/model.hpp"

namespace server {

/// Runs the program `name` with `models`, the first of which is the default. Returns the exit code;
/// throws what guarded_main turns into one line.
/// `libraries`: those that this program has beside the ones that all have, for --version.
int server_main(const char* name, std::span<const Model* const> models, int argc, char** argv,
                const std::vector<echo::Library>& libraries = {});

}  // namespace server
