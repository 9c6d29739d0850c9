// Whose server is this? The processes behind a local listening socket, found from outside.
//
// /proc/net/tcp names the listening socket's inode, /proc/PID/fd the processes that hold it: so it
// works for anybody's server, without its help. A process forked per connection does not hold the
// listener, so the holders' descendants belong to the server as well.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "echo/socket.hpp"

namespace client {

/// Inodes of the sockets that listen where a connect to `target` arrives: at its address, or at the
/// wildcard. Several with SO_REUSEPORT; none when the listener is not in this network namespace.
std::vector<std::uint64_t> listening_inodes(const echo::Endpoint& target,
                                            const std::filesystem::path& root = "/");

/// Processes that hold a descriptor to one of `inodes`, ascending. Those of other users stay unseen
/// without privilege.
std::vector<pid_t> holders_of(const std::vector<std::uint64_t>& inodes,
                              const std::filesystem::path& root = "/");

/// `pids` and all that descend from them, ascending.
std::vector<pid_t> with_descendants(const std::vector<pid_t>& pids,
                                    const std::filesystem::path& root = "/");

/// /proc/PID/comm, or "" when it is gone.
std::string command_of(pid_t pid, const std::filesystem::path& root = "/");

}  // namespace client
