// The blocking echo loop, shared by all models that serve a connection with a thread or a process.
#pragma once

#include <cstddef>
#include <span>

#include "server/model.hpp"

namespace echo_threads {

/// Reads into `buffer`, does the work of --work and writes back the reply of the protocol, until
/// the peer's EOF, an error, --idle-timeout, or a shutdown(2) from another thread. At EOF it sends
/// FIN: a peer that half-closed reads the rest and then the end. After a shutdown for reading,
/// which a drain does, the FIN waits until the peer has read enough for the kernel to send all of
/// the echoes. Bytes that could not be sent are not counted as echoed. An exception ends only this
/// connection and is counted. The caller owns `fd` and closes it.
void echo_until_eof(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker);

}  // namespace echo_threads
