#include "echo/output/place.hpp"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace echo {
namespace {

constexpr const char* is_a_folder = "is a folder; name a file in it";

bool others_may_write(const struct stat& folder) {
  return (folder.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool may_follow(const struct stat& folder, const struct stat& link) {
  return link.st_uid == ::geteuid() || link.st_uid == 0 || !others_may_write(folder);
}

/// Whether somebody else put this file or FIFO into a folder like /tmp. In a folder without the
/// sticky bit, several users may share their files on purpose.
bool was_planted(const struct stat& folder, const struct stat& file) {
  return (folder.st_mode & S_ISVTX) != 0 && others_may_write(folder) &&
         file.st_uid != ::geteuid() && file.st_uid != folder.st_uid;
}

bool lies_in_proc(int folder) {
  struct statfs status {};
  return ::fstatfs(folder, &status) == 0 &&
         static_cast<unsigned long>(status.f_type) == PROC_SUPER_MAGIC;
}

/// /proc/PID/fd/3, or a link whose text is no path ("pipe:[4711]").
bool is_descriptor_link(const std::string& name, const std::string& target) {
  return name.find_first_not_of("0123456789") == std::string::npos ||
         (!target.starts_with('/') && target.find(':') != std::string::npos);
}

Descriptor open_folder(int base, const std::string& path) {
  Descriptor folder{::openat(base, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (folder) return folder;
  if (errno == ENOENT) throw PlaceRefused("there is no folder " + path);
  throw PlaceRefused("folder " + path + ": " + std::strerror(errno));
}

std::string target_of(const Place& link) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlinkat(link.folder.get(), link.name.c_str(), text.data(), text.size());
  if (size <= 0) throw PlaceRefused(std::string("read the link: ") + std::strerror(errno));
  return {text.data(), static_cast<std::size_t>(size)};
}

/// Opens the folder of `path`, which is relative to `base`.
Place enter(int base, const std::string& path) {
  Place place;
  const std::size_t slash = path.rfind('/');
  place.name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
  place.folder = open_folder(base, parent.empty() ? "/" : parent);
  if (place.name.empty()) throw PlaceRefused(is_a_folder);
  return place;
}

}  // namespace

Place find_place(const std::string& path) {
  constexpr int most_links = 40;  // as in the kernel
  Place place = enter(AT_FDCWD, path);
  for (int links = 0; links <= most_links; ++links) {
    struct stat folder {};
    struct stat status {};
    if (::fstat(place.folder.get(), &folder) != 0) throw PlaceRefused(std::strerror(errno));
    if (::fstatat(place.folder.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) throw PlaceRefused(std::strerror(errno));
      return place;
    }
    if (!S_ISLNK(status.st_mode)) {
      if (S_ISDIR(status.st_mode)) throw PlaceRefused(is_a_folder);
      if (was_planted(folder, status)) {
        throw PlaceRefused("belongs to another user (uid " + std::to_string(status.st_uid) +
                           ") in a shared folder; name another file");
      }
      place.status = status;
      return place;
    }
    const bool in_proc = lies_in_proc(place.folder.get());
    if (!in_proc && !may_follow(folder, status)) {
      throw PlaceRefused("is a link of another user (uid " + std::to_string(status.st_uid) +
                         ") in a shared folder, and is not followed; name another file");
    }
    const std::string target = target_of(place);
    if (in_proc && is_descriptor_link(place.name, target)) {
      if (::fstatat(place.folder.get(), place.name.c_str(), &status, 0) != 0)
        throw PlaceRefused(std::strerror(errno));
      if (S_ISDIR(status.st_mode)) throw PlaceRefused(is_a_folder);
      place.is_descriptor_link = true;
      place.status = status;
      return place;
    }
    place = enter(place.folder.get(), target);
  }
  throw PlaceRefused(std::strerror(ELOOP));
}

}  // namespace echo
