// The command line of a program that is a client: `client`, and `client-mpi`, which has the same.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/options/options.hpp"
#include "client/run/load.hpp"
#include "echo/exit_code.hpp"
#include "echo/stop.hpp"

namespace client {

/// What --help and --describe say of a program.
struct ProgramTexts {
  const char* name;
  std::string_view summary;  ///< one sentence
  const char* footer;        ///< examples
  /// Told what check() refuses, before it is thrown; nullptr: nobody.
  void (*on_refusal)(const Options&, const echo::Exit&) = nullptr;
  bool writes = true;  ///< false: another process writes what was asked for
};

struct Command {
  Options options;
  std::vector<std::string> arguments;  ///< as they were given, old spellings in today's
  boost::json::object given;           ///< every option as text
};

/// Reads the command line. nullopt: a text was asked for (--help, --version, --describe) and is
/// written. Throws CLI::ParseError, and echo::Exit for options that contradict each other.
std::optional<Command> read_command(const ProgramTexts& texts, int argc, char** argv);

/// The options of `command`, with what was chosen in place of "auto" or nothing.
boost::json::object shown_options(const Command& command, const Options& chosen);

/// Raises the limit of open files. Before the first thread: in a process with threads the kernel
/// waits for all processors to grow the table (expand_fdtable() in fs/file.c).
void raise_limits(const Options& options);

/// Waits for signals from now on: before anything that may wait, and before the first thread. From
/// the first signal until the client ends immediately: `drain`. `another`: a further signal that
/// stops it; 0: none. Throws echo::Exit that names the limit, if one is the cause that it cannot.
void watch_signals(std::optional<echo::SignalWatch>& signals, echo::Stop& stop,
                   std::chrono::nanoseconds drain, const Options& options, int another = 0);

}  // namespace client
