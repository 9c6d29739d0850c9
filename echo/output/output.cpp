#include "echo/output/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "echo/exit_code.hpp"

namespace echo {
namespace {

bool is_same(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_rdev == other.st_rdev;
}

/// A new file beside `place`, and its name. Empty, with errno, when that fails.
std::pair<Descriptor, std::string> create_beside(const Place& place) {
  constexpr std::size_t longest = 240;  // of at most 255
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
      number = static_cast<std::uint32_t>(::getpid() + attempt);
    char digits[8];
    const auto end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
    const std::string name = place.name.substr(0, longest) + "." + std::string(digits, end);
    Descriptor file{::openat(place.folder.get(), name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (file || errno != EEXIST) return {std::move(file), name};
  }
  return {Descriptor{}, ""};
}

mode_t mode_of_new_files() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~mask;
}

/// Gives a new file the owner and the mode of the one that it replaces.
bool take_over(int file, const Place& place) {
  struct stat old {};
  if (::fstatat(place.folder.get(), place.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(old.st_mode)) {
    return ::fchmod(file, mode_of_new_files()) == 0;
  }
  // Only root may give a file away, and a member of a group may set that group: not an error.
  [[maybe_unused]] const int owner = ::fchown(file, old.st_uid, static_cast<gid_t>(-1));
  [[maybe_unused]] const int group = ::fchown(file, static_cast<uid_t>(-1), old.st_gid);
  return ::fchmod(file, old.st_mode & 0777U) == 0;
}

}  // namespace

Output::Output(std::string option, std::string path)
    : option_(std::move(option)), path_(std::move(path)) {
  if (path_.empty()) return;
  if (path_ == "-") {
    kind_ = Kind::standard;
    return;
  }
  try {
    place_ = find_place(path_);
  } catch (const PlaceRefused& why) {
    refuse(why.what());
  }
  const bool is_file = !place_.status || S_ISREG(place_.status->st_mode);
  if (place_.is_descriptor_link) {
    open_descriptor_link();
  } else if (is_file) {
    check_file();
  } else {
    open_stream();
  }
  kind_ = stream_ ? Kind::stream : Kind::file;
}

void Output::refuse(const std::string& why) const {
  throw Exit(exit_usage, option_ + " " + path_ + ": " + why);
}

void Output::fail(int error) const {
  fail_to_write(name(), error);
}

/// What /dev/stdout, /dev/fd/N and a shell's >(command) lead to. A descriptor of this process is
/// used as it is: to open a file anew would begin at its start, over what is there.
void Output::open_descriptor_link() {
  const struct stat& status = *place_.status;
  int number = -1;
  std::from_chars(place_.name.data(), place_.name.data() + place_.name.size(), number);
  struct stat own {};
  if (number >= 0 && ::fstat(number, &own) == 0 && is_same(own, status)) {
    const int flags = ::fcntl(number, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) refuse("is open for reading only");
    pollfd entry{number, POLLOUT, 0};
    if (::poll(&entry, 1, 0) == 1 && (entry.revents & POLLERR) != 0)
      refuse("no process reads this pipe");
    stream_ = Writer::to_shared(number);
  } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    open_stream();
  } else {
    refuse("is open in another process; give its path, or - for stdout");
  }
}

void Output::open_stream() {
  const struct stat& status = *place_.status;
  if (S_ISBLK(status.st_mode)) refuse("is a block device; give a file, or - for stdout");
  if (S_ISSOCK(status.st_mode)) refuse("is a socket; give a file, or - for stdout");
  // `program --json FIFO & reader FIFO`: the reader may open it a moment later.
  constexpr int attempts = 50;
  constexpr std::chrono::milliseconds pause{10};
  const int follow = place_.is_descriptor_link ? 0 : O_NOFOLLOW;
  for (int attempt = 1;; ++attempt) {
    Descriptor opened{::openat(place_.folder.get(), place_.name.c_str(),
                               O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | follow)};
    if (opened) {
      struct stat now {};
      if (::fstat(opened.get(), &now) != 0 || !is_same(now, status))
        refuse("was replaced while it was opened");
      stream_ = Writer::to_own(std::move(opened));
      return;
    }
    if (errno != ENXIO || !S_ISFIFO(status.st_mode)) refuse(std::strerror(errno));
    if (attempt == attempts) refuse("no process reads this FIFO; start its reader first");
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
}

void Output::check_file() const {
  if (place_.status &&
      ::faccessat(place_.folder.get(), place_.name.c_str(), W_OK, AT_EACCESS) != 0) {
    refuse(std::strerror(errno));
  }
  struct statx extended {};
  const bool known = ::statx(place_.folder.get(), place_.name.c_str(), AT_SYMLINK_NOFOLLOW,
                             STATX_BASIC_STATS, &extended) == 0;
  if (known && (extended.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
    refuse("is a mount point, which cannot be replaced; name a file in a folder");
  const auto [file, name] = create_beside(place_);
  if (!file) refuse(std::string("its folder takes no new file: ") + std::strerror(errno));
  ::unlinkat(place_.folder.get(), name.c_str(), 0);
}

bool Output::is_same_file(const Output& other) const {
  if (kind_ != Kind::file || other.kind_ != Kind::file || place_.name != other.place_.name)
    return false;
  struct stat one {};
  struct stat two {};
  return ::fstat(place_.folder.get(), &one) == 0 && ::fstat(other.place_.folder.get(), &two) == 0 &&
         is_same(one, two);
}

void Output::write(std::string_view text, const Patience& patience) {
  if (kind_ == Kind::file) return replace_file(text);
  Writer to = begin();
  if (!to.write_all(text, patience)) fail(errno);
}

Writer Output::begin() {
  if (kind_ == Kind::standard) return Writer::to_shared(STDOUT_FILENO);
  if (kind_ == Kind::stream) return std::move(*stream_);
  Descriptor file{::openat(
      place_.folder.get(), place_.name.c_str(),
      O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0666)};
  if (!file) fail(errno);
  return Writer::to_own(std::move(file));
}

void Output::replace_file(std::string_view text) const {
  auto [file, name] = create_beside(place_);
  if (!file) fail(errno);
  const auto write_all = [&text, fd = file.get()] {
    constexpr Patience none{};  // a file has no reader to wait for
    return Writer::to_shared(fd).write_all(text, none);
  };
  const bool done =
      write_all() && ::fsync(file.get()) == 0 && take_over(file.get(), place_) &&
      ::renameat(place_.folder.get(), name.c_str(), place_.folder.get(), place_.name.c_str()) == 0;
  if (done) return;
  const int error = errno;
  ::unlinkat(place_.folder.get(), name.c_str(), 0);
  fail(error);
}

void refuse_shared_outputs(const std::vector<const Output*>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = i + 1; j < outputs.size(); ++j) {
      const Output& one = *outputs[i];
      const Output& two = *outputs[j];
      if (one.is_stdout() && two.is_stdout()) {
        throw Exit(exit_usage,
                   two.option() + " -: " + one.option() + " already writes to stdout; one may");
      }
      if (one.is_same_file(two))
        throw Exit(exit_usage, two.option() + ": " + one.option() + " already writes this file");
    }
  }
}

}  // namespace echo
