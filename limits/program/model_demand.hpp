// The demand of a model, from the server that has it.
//
// The servers lie beside this program and print their models and the demand of each with
// --describe. So every registered model is known here, under any options, and no constant is
// defined twice. This program links neither Asio nor a model (decision 0017).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "limits/demand.hpp"

namespace limits {

struct ModelDemand {
  std::string program;  ///< "echo_threads"
  Traits traits;
  std::uint64_t backlog = 0;  ///< its --backlog
};

class Servers {
 public:
  /// Those in `folder`.
  explicit Servers(std::filesystem::path folder) : folder_(std::move(folder)) {}
  /// Those beside this program.
  static Servers beside_this_program();

  /// The demand of `model` for `connections`, with `options` on the server's command line. Throws
  /// echo::Exit: with exit_usage and all names for an unknown model, with the server's own code and
  /// line where it refuses the options, with exit_refused and the limit's name where no process can
  /// be started, with exit_internal where the server cannot be run.
  [[nodiscard]] ModelDemand demand_of(const std::string& model, std::uint64_t connections,
                                      const std::vector<std::string>& options) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace limits
