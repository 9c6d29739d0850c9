// client-mpi: one load from many machines, which MPI starts and connects.
//
//   mpirun -np 4 --hostfile hosts client-mpi -n 1M -R 200k server:1234
//
// Each rank is a `client` with a share of the load (docs/fleet-mpi.md, docs/decisions/0029-*).
// Between the start and the end of the traffic no call of MPI is made.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <optional>
#include <string>

#include "client/findings/conclusion.hpp"
#include "client/mpi/fleet_rendezvous.hpp"
#include "client/mpi/fleet_run.hpp"
#include "client/mpi/world.hpp"
#include "client/program/command.hpp"
#include "client/program/outputs.hpp"
#include "client/run/calibrate.hpp"
#include "client/run/load.hpp"
#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/output/status_lines.hpp"
#include "limits/proc_text.hpp"

namespace {

using client::mpi::Beginning;
using client::mpi::End;
using client::mpi::Failure;

constexpr std::string_view summary =
    "puts one load on an echo or HTTP server from all the machines on which MPI starts it";

constexpr const char* examples =
    "Examples:\n"
    "  mpirun -np 4 --hostfile hosts client-mpi -n 1M -R 200k --mode stream -d 10 server:1234\n"
    "  mpirun -np 4 --hostfile hosts client-mpi -n 10000 --json out.json server:1234\n"
    "      out.json: all ranks together; out.0.json to out.3.json: each rank, on its own host\n"
    "-n, -R and --connect-rate are those of all ranks together. Terms: docs/terminology.md.\n"
    "Launchers, clocks and firewalls: docs/fleet-mpi.md. Exit: as `client`";

/// mpirun kills a second after it has passed a signal on: the drain must leave time for the rest.
constexpr std::chrono::milliseconds drain_after_signal{300};

/// Whether the launcher has started this process as another rank than 0. Known before MPI_Init().
bool is_another_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* rank = std::getenv(name)) return std::string_view(rank) != "0";
  }
  return false;
}

/// One rank alone is a client.
int run_alone(const client::Command& command, const echo::Stop& stop,
              const echo::SignalWatch& signals, client::Nanoseconds begun) {
  const client::Options& options = command.options;
  client::Outputs outputs{options};
  client::Result result = options.calibrate
                              ? client::calibrate(options, stop, begun)
                              : client::run_load(options, stop, begun, &outputs.lines);
  result.signal = client::mpi::told_signal(signals);
  result.shown_options = client::shown_options(command, result.options);
  result.arguments = command.arguments;
  result.exit_code = client::exit_code_of(result);
  return client::report(result, outputs, {result.exit_code, stop, signals});
}

/// Ends the process. Where a rank is missing, MPI_Finalize() would wait for it.
int finish(const End& end, client::Share share) {
  if (!end.message.empty()) echo::write_message(limits::printable(end.message) + "\n");
  if (end.all_are_here) {
    client::mpi::end_mpi(end.code);
    return end.code;
  }
  // Rank 0 is the last to end, and the launcher ends what is left of the others.
  if (share.rank == 0 && end.code < echo::exit_signal) client::mpi::abort_mpi(end.code);
  ::_exit(end.code);
}

int run(int argc, char** argv) {
  std::optional<client::Command> command;
  std::optional<Failure> failure;
  try {
    command = client::read_command({"client-mpi", summary, examples, nullptr, !is_another_rank()},
                                   argc, argv);
    if (!command) return echo::exit_pass;
  } catch (const CLI::ParseError& error) {
    failure = {echo::exit_usage, echo::one_line(error) + " (--help lists the options)"};
  } catch (const echo::Exit& error) {
    failure = {error.code(), error.what()};
  }
  const client::Options options = command ? command->options : client::Options{};
  const client::Nanoseconds begun = client::now();
  client::raise_limits(options);
  echo::Stop stop;
  std::optional<echo::SignalWatch> signals;
  client::watch_signals(signals, stop, drain_after_signal, options, client::mpi::end_in_peace);
  const client::Share share = client::mpi::start_mpi(stop, *signals);
  // Frames are read by what waits for those of a fleet, also of one rank.
  if (share.is_whole() && !options.frames) {
    if (failure) throw echo::Exit(failure->code, failure->why);
    const int code = run_alone(*command, stop, *signals, begun);
    client::mpi::end_mpi(code);
    return code;
  }
  return finish(client::mpi::run_rank({command, failure, share, stop, *signals, begun}), share);
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("client-mpi", run, argc, argv);
}
