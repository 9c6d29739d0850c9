// A file that the command line names: its bytes as they are.
//
// Every way in which it cannot be used ends before any work, in one line with the file's name. A
// pipe may be given too, such as bash's <(command); it is read to its end.
#pragma once

#include <cstdint>
#include <string>

namespace client {

/// The bytes of the file `path`, at least 1 and at most `most`. Throws std::invalid_argument
/// "PATH: why" for a file that cannot be read, a folder or a device, and for an empty or larger
/// file.
std::string read_input_file(const std::string& path, std::uint64_t most);

}  // namespace client
