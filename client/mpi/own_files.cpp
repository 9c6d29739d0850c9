#include "client/mpi/own_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "echo/descriptor.hpp"
#include "echo/exit_code.hpp"
#include "echo/output/writer.hpp"

namespace client::mpi {

std::string own_path(const std::string& path, std::uint32_t rank) {
  struct stat status {};
  if (path.empty() || path == "-") return "";
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return "";
  const std::size_t slash = path.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  const std::size_t dot = path.rfind('.');
  const bool has_extension = dot != std::string::npos && dot > name;
  std::string own = path;
  own.insert(has_extension ? dot : path.size(), fmt::format(".{}", rank));
  return own;
}

Options with_own_outputs(Options options) {
  const std::uint32_t rank = options.share.rank;
  if (options.series == "-")
    throw echo::Exit(echo::exit_usage, "--series: a file, for each rank has its own; not -");
  options.json = own_path(options.json, rank);
  options.series = own_path(options.series, rank);
  options.hgrm.clear();
  // One line a rank would be mixed with those of the others.
  if (rank != 0) options.progress = ShowProgress::never;
  return options;
}

void sync_file(const std::string& path) {
  const echo::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file || ::fsync(file.get()) != 0) echo::fail_to_write(path, errno);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const echo::Descriptor names{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (names) ::fsync(names.get());  // the new name; not every file system can
}

}  // namespace client::mpi
