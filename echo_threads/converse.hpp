// The blocking loop for protocols that are more than an echo (protocol/protocol.hpp).
//
// The echo has a loop of its own (blocking.cpp): what follows would cost each of its messages
// instructions, and its thread a second page of stack.
#pragma once

#include <cstddef>
#include <span>

#include "protocol/protocol.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// How a connection ends: at the end of what arrives; by the protocol; or, with errno, it failed.
enum class End { eof, closed, failed };

/// Reads, works and writes what the protocol answers, again and again. It blocks at most until the
/// deadline of `conversation`.
End converse(int fd, std::span<std::byte> buffer, protocol::ConversationSlot& conversation,
             const server::Serving& serving, unsigned worker);

}  // namespace echo_threads
