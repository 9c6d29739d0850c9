// What a server checks and opens before it serves. Each function throws what ends the program if
// the start is not possible, with the exit code of its kind.
#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "echo/socket.hpp"
#include "echo/stop.hpp"
#include "server/model.hpp"
#include "server/options.hpp"

namespace server {

/// Refuses a --ready-fd that cannot be written to. Call it before any other descriptor is opened,
/// which could get that number.
void check_ready_fd(int fd);
/// Refuses what cannot work; returns the text about how many connections there is room for.
/// Whether one connection can be served with the descriptor tables of `options`.
bool limits_suffice(const Configured& configured, const ServerOptions& options);
std::string check_limits(const Configured& configured, const ServerOptions& options);
/// Sets the affinity of the process to `cpus`, before any thread is started; each worker then takes
/// one of them.
void pin(const std::vector<unsigned>& cpus);
/// The address to listen at. A name server may not answer: a signal ends the wait for it.
echo::Endpoint bind_address(const ServerOptions& options, const echo::Stop& stop,
                            const echo::SignalWatch& signals);
/// `shared`: other descriptor tables will listen beside them.
Listeners listen_or_exit(const echo::Endpoint& where, const ServerOptions& options, unsigned count,
                         bool shared);
/// Writes the port to --ready-fd, and the line "listening" with `room` to stderr.
void report_ready(const ServerOptions& options, const echo::Endpoint& where,
                  const std::string& room);

/// The limits that an error of the start may come from; "" for another error.
std::string shortage(const std::system_error& error);

}  // namespace server
