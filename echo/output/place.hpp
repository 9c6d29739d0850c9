// Where the path of an output leads: a folder, opened, and a name in it that is no link.
//
// In a folder that others can write to, anybody can plant a link under the name that a user is
// about to write, or a file or FIFO of their own. fs.protected_symlinks, protected_regular and
// protected_fifos make the kernel refuse these, where they are on and the folder is sticky. This
// does it in any folder that others can write to, and without those settings.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "echo/descriptor.hpp"

namespace echo {

/// Why nothing can be written there, and what is allowed: one line.
class PlaceRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Place {
  Descriptor folder;  ///< opened with O_PATH
  std::string name;
  std::optional<struct stat> status;  ///< nullopt: there is nothing yet
  /// The name is one of /proc/PID/fd, which leads to a pipe or an open file and to no path.
  bool is_descriptor_link = false;
};

/// Follows the links of `path` that may be followed: those of this user or of root, and those in a
/// folder that only its owner can write to. Throws PlaceRefused.
Place find_place(const std::string& path);

}  // namespace echo
