// Probes of descriptors and epoll watches; see probes.hpp.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "limits/kernel.hpp"
#include "limits/rlimit.hpp"
#include "limits/verify/prediction.hpp"
#include "limits/verify/privilege.hpp"
#include "limits/verify/probes.hpp"

namespace limits {

const char* name_of_error(int error) {
  const char* name = error == 0 ? nullptr : ::strerrorname_np(error);
  return name == nullptr ? "-" : name;
}

Finding probe_open_files() {
  constexpr rlim_t most = 1'000;
  if (read_rlimit(RLIMIT_NOFILE).hard < most) return not_verified("RLIMIT_NOFILE is below 1000");
  if (const std::string reason = give_up_hard_limits(); !reason.empty())
    return not_verified(reason);
  const rlimit few{most, most};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return not_verified("setrlimit of RLIMIT_NOFILE");
  Demand sockets = nothing();
  sockets.traits.descriptors_per_connection = 1;
  sockets.traits.fixed_descriptors = own_descriptors();
  Finding finding;
  finding.confined = ShortText<64>("RLIMIT_NOFILE 1000");
  finding.predicted = predicted("open files", sockets);
  while (finding.reached < 2 * most && ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0)
    ++finding.reached;
  finding.error = ShortText<64>(name_of_error(errno));
  finding.verified = true;
  return finding;
}

Finding probe_highest_open_files() {
  if (!may_raise_hard_limits()) return not_verified("raising a hard limit needs CAP_SYS_RESOURCE");
  Demand descriptors = nothing();
  descriptors.traits.descriptors_per_connection = 1;
  Finding finding;
  finding.confined = ShortText<64>("-");
  finding.predicted = predicted("open files, highest", descriptors);
  std::uint64_t fits = 0;
  std::uint64_t refused = 1ULL << 32U;
  int error = 0;
  while (fits + 1 < refused) {
    const std::uint64_t middle = fits + (refused - fits) / 2;
    const rlimit wanted{middle, middle};
    if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) {
      fits = middle;
    } else {
      error = errno;
      refused = middle;
    }
  }
  finding.reached = fits;
  finding.error = ShortText<64>(name_of_error(error));
  finding.verified = true;
  return finding;
}

Finding probe_descriptor_numbers() {
  constexpr int beyond = FD_SETSIZE;
  if (read_rlimit(RLIMIT_NOFILE).soft <= beyond) raise_open_files(beyond + 1);
  const int ready = ::eventfd(1, EFD_CLOEXEC);
  Demand one = nothing();
  one.traits.descriptors_per_connection = 1;
  one.traits.descriptors_below = FD_SETSIZE;
  Finding finding;
  finding.confined = ShortText<64>("-");
  finding.predicted = predicted("descriptor numbers", one);
  constexpr int first = FD_SETSIZE - 100;  // above all that is open
  for (int number = first; number <= beyond; ++number) {
    if (::dup3(ready, number, O_CLOEXEC) < 0) return not_verified("RLIMIT_NOFILE is below 1025");
    // A number beyond the set would be written behind it.
    if (static_cast<std::size_t>(number) >= 8 * sizeof(fd_set)) break;
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(number, &readable);
    timeval at_once{};
    if (::select(number + 1, &readable, nullptr, nullptr, &at_once) != 1) break;
    finding.reached = static_cast<std::uint64_t>(number) + 1;
  }
  finding.error = ShortText<64>("-");
  finding.verified = true;
  return finding;
}

Finding probe_epoll_watches() {
  constexpr std::uint64_t affordable = 200'000;  // ~200 B of the kernel's memory each
  const auto limit = Kernel{}.sysctl("fs.epoll.max_user_watches");
  if (!limit) return not_verified("/proc/sys/fs/epoll/max_user_watches cannot be read");
  if (limit->value > affordable)
    return not_verified("fs.epoll.max_user_watches is the host's, and too high to be reached");
  if (const std::string reason = become_unused_user(); !reason.empty()) return not_verified(reason);
  Demand watches = nothing();
  watches.traits.watches_per_connection = 1;
  Finding finding;
  finding.confined = ShortText<64>("a user of its own");
  finding.predicted = predicted("epoll watches, user", watches);
  // A watch is a pair of an epoll and a file: some hundred of each are enough.
  constexpr std::size_t files = 450;
  std::vector<int> watched;
  for (std::size_t i = 0; i < files; ++i) {
    watched.push_back(::eventfd(0, EFD_CLOEXEC));
    if (watched.back() < 0) return not_verified("RLIMIT_NOFILE is too low for this probe");
  }
  int error = 0;
  for (std::size_t epolls = 0; epolls < files && error == 0; ++epolls) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) return not_verified("RLIMIT_NOFILE is too low for this probe");
    for (std::size_t i = 0; i < files && error == 0; ++i) {
      epoll_event event{};
      if (::epoll_ctl(epoll, EPOLL_CTL_ADD, watched[i], &event) == 0) {
        ++finding.reached;
      } else {
        error = errno;
      }
    }
  }
  finding.error = ShortText<64>(name_of_error(error));
  finding.verified = true;
  return finding;
}

}  // namespace limits
