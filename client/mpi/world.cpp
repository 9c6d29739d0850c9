#include "client/mpi/world.hpp"

#include <mpi.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "client/fleet/rendezvous.hpp"
#include "client/mpi/fleet_rendezvous.hpp"
#include "client/mpi/note.hpp"
#include "echo/exit_code.hpp"
#include "echo/output/status_lines.hpp"
#include "limits/proc_text.hpp"

namespace client::mpi {
namespace {

constexpr std::chrono::seconds longest_start{120};
constexpr std::chrono::seconds longest_end{3};

/// Ends the process if a signal comes, or the time is over, before this object ends.
class StartGuard {
 public:
  StartGuard(const echo::Stop& stop, const echo::SignalWatch& signals)
      : stop_(stop), signals_(signals), thread_([this] { watch(); }) {}
  ~StartGuard() {
    started_.request_drain();
    thread_.join();
  }
  StartGuard(const StartGuard&) = delete;
  StartGuard& operator=(const StartGuard&) = delete;

 private:
  void watch() {
    const Nanoseconds until = now() + longest_start;
    while (!started_.draining()) {
      if (stop_.draining())
        end(echo::exit_signal + told_signal(signals_), "ended by a signal while MPI started");
      const Nanoseconds left = until - now();
      if (left.count() <= 0)
        end(echo::exit_network, "MPI did not start: not all ranks came within 2 minutes");
      pollfd entries[2] = {{started_.drain_fd(), POLLIN, 0}, {stop_.drain_fd(), POLLIN, 0}};
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      if (::poll(entries, 2, static_cast<int>(wait)) < 0) echo::pause_after_failed_wait();
    }
  }
  [[noreturn]] static void end(int code, const char* why) {
    echo::write_message("client-mpi: " + limits::printable(host_name()) + ": " + why + "\n");
    ::_exit(code);
  }

  const echo::Stop& stop_;
  const echo::SignalWatch& signals_;
  echo::Stop started_;
  std::thread thread_;
};

}  // namespace

Share start_mpi(const echo::Stop& stop, const echo::SignalWatch& signals) {
  const StartGuard guard{stop, signals};
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    throw echo::Exit(echo::exit_internal, "MPI_Init_thread failed");
  // A rank that is gone is no reason for the others to end.
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  int rank = 0;
  int ranks = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  return {static_cast<std::uint32_t>(rank), static_cast<std::uint32_t>(ranks)};
}

namespace {

void exit_later(int code) {
  std::thread([code] {
    std::this_thread::sleep_for(longest_end);
    ::_exit(code);
  }).detach();
}

/// All ranks are at their end afterwards.
void meet_all() {
  for (int round = 0; round < 2; ++round) {
    MPI_Request request = MPI_REQUEST_NULL;
    if (MPI_Ibarrier(MPI_COMM_WORLD, &request) != MPI_SUCCESS) return;
    while (!is_complete(request)) std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
}

}  // namespace

void end_mpi(int code) {
  exit_later(code);
  meet_all();
#ifdef MPICH_VERSION
  // MPICH 4.0 over UCX: MPI_Finalize() closes the connections and then waits in PMI without serving
  // them. A rank whose connection needs an answer from one that waits there waits for ever: half of
  // the runs on four hosts, seen with gdb. Nothing is left to be done here.
  ::_exit(code);
#else
  MPI_Finalize();
#endif
}

void abort_mpi(int code) {
  exit_later(code);
  MPI_Abort(MPI_COMM_WORLD, code);
}

}  // namespace client::mpi
