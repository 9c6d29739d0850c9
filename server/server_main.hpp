// The body of both servers: parse, preflight, listen, serve, report. It is the same for every
// model, so two models differ only in how they serve.
#pragma once

#include <span>
#include <vector>

#include "echo/version.hpp"
#include "server/model.hpp"

namespace server {

/// Runs the program `name` with `models`, which --list-models prints in this order;
/// `default_model`, one of them, runs unless --model is given. Returns the exit code. Throws on
/// errors; guarded_main prints each as one line. `libraries`: those that this program has beside
/// the ones that every program has, for --version.
int server_main(const char* name, std::span<const Model* const> models, const Model& default_model,
                int argc, char** argv, const std::vector<echo::Library>& libraries = {});

}  // namespace server
