// A client that another program started and leads: `client --frames --share RANK/RANKS`.
//
// Its report goes to stdout as the frame `document`. Try it by hand, with `start 0` and `traffic 0`
// typed too late for any measurement:
//
//   (sleep 1; echo start 0; sleep 1; echo traffic 0; sleep 5; echo quit) | client --frames --share
//   0/1 | cat
#pragma once

#include "client/options/options.hpp"
#include "client/program/command.hpp"
#include "echo/exit_code.hpp"

namespace client {

/// Runs the client, and returns its exit code. Throws echo::Exit for what is refused, after a frame
/// `refused` that says so, and for an output that could not be written.
int run_framed(const Command& command);

/// Writes the frame `refused` for options that check() refuses, if they ask for frames.
void refuse_in_a_frame(const Options& options, const echo::Exit& why);

}  // namespace client
