// The run of one rank of a fleet that MPI has started, from its verdict to the report.
#pragma once

#include <optional>
#include <string>

#include "client/program/command.hpp"
#include "client/schedule/plan.hpp"
#include "echo/stop.hpp"

namespace client::mpi {

/// A command line that cannot be carried out, and what would be said of it.
struct Failure {
  int code;
  std::string why;
};

/// What main() knows before the ranks have met. One of `command` and `failure` is there.
struct Beginning {
  std::optional<Command> command;
  std::optional<Failure> failure;
  Share share;  ///< from MPI
  const echo::Stop& stop;
  const echo::SignalWatch& signals;
  Nanoseconds begun{};
};

struct End {
  int code = 0;
  /// All ranks come to end_mpi(). Otherwise that would wait for them.
  bool all_are_here = true;
  std::string message;  ///< for stderr; empty: none
};

End run_rank(const Beginning& beginning);

}  // namespace client::mpi
