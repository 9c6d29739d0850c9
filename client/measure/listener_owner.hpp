// Finds the processes of a server by its local listening socket.
//
// /proc/net/tcp contains the listening socket's inode, and /proc/PID/fd shows the processes that
// hold it (https://man7.org/linux/man-pages/man5/proc.5.html). So it works for any server, without
// its cooperation. A process forked per connection may not hold the listener, so the holders'
// descendants belong to the server too.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "echo/socket.hpp"

namespace client {

/// Inodes of the listening sockets that a connect to `target` reaches: at its address, or else at
/// the wildcard. Several with SO_REUSEPORT; none when the listener is not in this network
/// namespace. `root`: the directory that contains proc/.
std::vector<std::uint64_t> listening_inodes(const echo::Endpoint& target,
                                            const std::filesystem::path& root = "/");
/// Those of all `targets`, which share one address and differ in their ports. Reads each table
/// once, however many they are.
std::vector<std::uint64_t> listening_inodes(const std::vector<echo::Endpoint>& targets,
                                            const std::filesystem::path& root = "/");

/// Processes that hold a descriptor of one of `inodes`, ascending. Without privilege those of other
/// users are not visible.
std::vector<pid_t> holders_of(const std::vector<std::uint64_t>& inodes,
                              const std::filesystem::path& root = "/");

/// The contents of /proc/PID/comm, or "" when the process is gone.
std::string command_of(pid_t pid, const std::filesystem::path& root = "/");

}  // namespace client
