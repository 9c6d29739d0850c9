// Which protocol a server speaks, and the options that only HTTP has.
#pragma once

#include <cstdint>
#include <memory>

#include "echo/cli_fwd.hpp"
#include "protocol/protocol.hpp"
#include "server/options.hpp"

namespace server {

/// --protocol, and the options of HTTP.
void add_protocol_options(CLI::App& app, ServerOptions& options);

/// Throws CLI::ValidationError for an option of HTTP under another protocol. Otherwise completes
/// `options`: what some options of HTTP mean for others.
void complete_protocol_options(const CLI::App& app, ServerOptions& options);

/// Stack that a thread needs to serve the protocol, in bytes, where it is more than for the echo:
/// that and its own frames, without its buffer. Otherwise 0.
std::uint64_t stack_bytes_of_protocol(const ServerOptions& options);

/// The protocol that was chosen, with its options.
std::unique_ptr<protocol::Protocol> make_protocol(const ServerOptions& options);

}  // namespace server
