// The files of one rank: it writes its own results on its own host, before it hands them to rank 0.
#pragma once

#include <string>

#include "client/options/options.hpp"

namespace client::mpi {

/// "out.json" -> "out.2.json" for rank 2. Empty for stdout, and for what is there and is no file: a
/// pipe or a device has no neighbour.
std::string own_path(const std::string& path, std::uint32_t rank);

/// The options of a rank with its own outputs: a document and a series, and no --hgrm, which is
/// made of all ranks. Throws echo::Exit(exit_usage) for a series on stdout.
Options with_own_outputs(Options options);

/// Waits until the file is on its disk. Throws echo::Exit(exit_internal).
void sync_file(const std::string& path);

}  // namespace client::mpi
