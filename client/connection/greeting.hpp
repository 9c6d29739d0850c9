// Names the protocol of a server that is no echo server, by its first bytes.
//
// "mismatch at offset 0, got 0x48" is an HTTP server's answer to bytes that are no request. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace client {

/// "HTTP", "TLS", "SSH", ...; "" if `first`, the first bytes of a connection, are none that is
/// known. Eight bytes are enough.
std::string_view protocol_of(std::span<const std::byte> first);

}  // namespace client
