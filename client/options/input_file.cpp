#include "client/options/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "echo/descriptor.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::invalid_argument(path + ": " + why);
}

}  // namespace

std::string read_input_file(const std::string& path, std::uint64_t most) {
  if (path.empty()) throw std::invalid_argument("a file name is missing");
  // Without O_NONBLOCK open(2) waits for the writer of a FIFO.
  const echo::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) refuse(path, std::strerror(errno));
  if (S_ISDIR(status.st_mode)) refuse(path, "a folder, not a file");
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) refuse(path, "not a regular file");
  std::string bytes;
  std::array<char, 1U << 16U> buffer;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {  // a pipe whose writer is not done
      pollfd entry{file.get(), POLLIN, 0};
      ::poll(&entry, 1, -1);
      continue;
    }
    if (got < 0) refuse(path, std::strerror(errno));
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
    if (bytes.size() > most)
      refuse(path, fmt::format("larger than {}", limits::format_bytes(most)));
  }
  if (bytes.empty()) refuse(path, "empty");
  return bytes;
}

}  // namespace client
