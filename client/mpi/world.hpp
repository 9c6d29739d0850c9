// The start and the end of MPI in a process. Both wait for all ranks, without a bound of their own
// and deaf to signals; here they have both.
#pragma once

#include "client/options/share.hpp"
#include "echo/stop.hpp"

namespace client::mpi {

/// From here on no other thread may call MPI. A signal, or two minutes without the other ranks, end
/// the process, with a line on stderr. Throws echo::Exit(exit_internal).
Share start_mpi(const echo::Stop& stop, const echo::SignalWatch& signals);

/// Ends the process with `code` if the end of MPI takes longer than 3 s.
void end_mpi(int code);
/// Lets the launcher end all ranks, and ends this process with `code` if it takes longer than 3 s:
/// it waits for a launcher that may be stopped.
void abort_mpi(int code);

}  // namespace client::mpi
