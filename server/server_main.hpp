// The body of both servers: parse, preflight, listen, serve, report. The same for every model, so
// that two models differ in nothing but how they serve.
#pragma once

#include <span>

#include "server/model.hpp"

namespace server {

/// Runs the program `name` with `models`, the first of which is the default. Returns the exit code;
/// throws what guarded_main turns into one line.
int server_main(const char* name, std::span<const Model* const> models, int argc, char** argv);

}  // namespace server
