#include "client/measure/listener_owner.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string_view>

#include "limits/usage.hpp"

namespace client {
namespace {

namespace fs = std::filesystem;

/// A process with more is not searched for the descriptor tables of its threads.
constexpr std::uint64_t most_threads = 4'096;

/// Parses an address of /proc/net/tcp{,6}: 32-bit words in host order, in hexadecimal.
in6_addr address_of(std::string_view hex) {
  std::array<std::uint32_t, 4> words{};
  const std::size_t count = std::min<std::size_t>(hex.size() / 8, words.size());
  for (std::size_t i = 0; i < count; ++i) {
    std::from_chars(hex.data() + i * 8, hex.data() + i * 8 + 8, words.at(i), 16);
  }
  in6_addr address{};
  if (count == 1) {  // IPv4: as an IPv4-mapped IPv6 address
    address.s6_addr[10] = address.s6_addr[11] = 0xff;
    std::memcpy(address.s6_addr + 12, words.data(), 4);
  } else {
    std::memcpy(address.s6_addr, words.data(), 16);
  }
  return address;
}

in6_addr address_of(const echo::Endpoint& endpoint) {
  in6_addr address{};
  if (endpoint.family() == AF_INET6) {
    address = reinterpret_cast<const sockaddr_in6*>(endpoint.data())->sin6_addr;
  } else {
    address.s6_addr[10] = address.s6_addr[11] = 0xff;
    std::memcpy(address.s6_addr + 12,
                &reinterpret_cast<const sockaddr_in*>(endpoint.data())->sin_addr, 4);
  }
  return address;
}

bool is_v4_wildcard(const in6_addr& address) {
  return IN6_IS_ADDR_V4MAPPED(&address) && std::memcmp(address.s6_addr + 12, "\0\0\0\0", 4) == 0;
}

/// Calls `visit` with each numeric entry of `directory`.
void for_each_number(const fs::path& directory, const std::function<void(std::uint64_t)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
  if (!dir) return;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::uint64_t number = 0;
    const std::string_view name = entry->d_name;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) visit(number);
  }
}

using Links = std::set<std::string, std::less<>>;

/// Whether a descriptor in `directory`, such as /proc/PID/fd, is one of `wanted`.
bool holds_one(const fs::path& directory, const Links& wanted) {
  bool holds = false;
  for_each_number(directory, [&](std::uint64_t fd) {
    if (holds) return;
    std::array<char, 64> link{};
    const ssize_t length =
        ::readlink((directory / std::to_string(fd)).c_str(), link.data(), link.size());
    if (length <= 0) return;
    holds = wanted.contains(std::string_view(link.data(), static_cast<std::size_t>(length)));
  });
  return holds;
}

/// Processes of which a thread holds one in a descriptor table of its own.
std::vector<pid_t> holders_in_other_tables(const Links& wanted, const fs::path& root) {
  std::vector<pid_t> pids;
  if (root != "/") return pids;  // the processes of a test have one
  for_each_number(root / "proc", [&](std::uint64_t pid) {
    const auto tables = limits::descriptor_tables(static_cast<pid_t>(pid), most_threads);
    for (std::size_t i = 1; tables && i < tables->size(); ++i) {
      const auto thread = std::to_string((*tables)[i]);
      if (!holds_one(root / "proc" / std::to_string(pid) / "task" / thread / "fd", wanted))
        continue;
      pids.push_back(static_cast<pid_t>(pid));
      break;
    }
  });
  return pids;
}

}  // namespace

std::vector<std::uint64_t> listening_inodes(const echo::Endpoint& target, const fs::path& root) {
  return listening_inodes(std::vector{target}, root);
}

std::vector<std::uint64_t> listening_inodes(const std::vector<echo::Endpoint>& targets,
                                            const fs::path& root) {
  if (targets.empty()) return {};
  const in6_addr wanted = address_of(targets.front());
  const bool wants_v4 = IN6_IS_ADDR_V4MAPPED(&wanted);
  std::vector<bool> wanted_ports(65'536);
  for (const echo::Endpoint& target : targets) wanted_ports[target.port()] = true;
  // The order of the kernel's lookup: the address, then the wildcard of its family, then that of
  // IPv6, which may accept IPv4 as well.
  struct Listeners {
    std::vector<std::uint64_t> exact, v4_wildcard, v6_wildcard;
  };
  std::map<std::uint16_t, Listeners> by_port;
  for (const char* name : {"tcp", "tcp6"}) {
    std::ifstream file(root / "proc/net" / name);
    std::string line;
    std::getline(file, line);  // the heading
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout;
      std::uint64_t inode = 0;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode;
      if (state != "0A") break;  // listeners come first
      const std::size_t colon = local.find(':');
      if (colon == std::string::npos) continue;
      const auto port =
          static_cast<std::uint16_t>(std::strtoul(local.c_str() + colon + 1, nullptr, 16));
      if (!wanted_ports[port]) continue;
      Listeners& found = by_port[port];
      const in6_addr address = address_of(std::string_view(local).substr(0, colon));
      if (std::memcmp(&address, &wanted, sizeof wanted) == 0) found.exact.push_back(inode);
      if (wants_v4 && is_v4_wildcard(address)) found.v4_wildcard.push_back(inode);
      if (IN6_IS_ADDR_UNSPECIFIED(&address)) found.v6_wildcard.push_back(inode);
    }
  }
  std::vector<std::uint64_t> inodes;
  for (const auto& [port, found] : by_port) {
    const auto& reached = !found.exact.empty()         ? found.exact
                          : !found.v4_wildcard.empty() ? found.v4_wildcard
                                                       : found.v6_wildcard;
    inodes.insert(inodes.end(), reached.begin(), reached.end());
  }
  return inodes;
}

std::vector<pid_t> holders_of(const std::vector<std::uint64_t>& inodes, const fs::path& root) {
  Links wanted;
  for (const std::uint64_t inode : inodes) wanted.insert("socket:[" + std::to_string(inode) + "]");
  std::vector<pid_t> pids;
  if (wanted.empty()) return pids;
  for_each_number(root / "proc", [&](std::uint64_t pid) {
    if (holds_one(root / "proc" / std::to_string(pid) / "fd", wanted))
      pids.push_back(static_cast<pid_t>(pid));
  });
  if (pids.empty()) pids = holders_in_other_tables(wanted, root);
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::string command_of(pid_t pid, const fs::path& root) {
  std::ifstream file(root / "proc" / std::to_string(pid) / "comm");
  std::string command;
  std::getline(file, command);
  return command;
}

}  // namespace client
