#include "client/measure/observe.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "client/measure/listener_owner.hpp"

namespace client {
namespace {

/// Whether a process is dead or exiting. The kernel closes a killed process's connections before
/// its listener, and before its parent waits for it; PF_EXITING is set by then
/// (include/linux/sched.h; field flags of /proc/PID/stat,
/// https://man7.org/linux/man-pages/man5/proc.5.html).
bool is_gone(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t close = text.rfind(')');
  if (close == std::string::npos) return true;
  std::istringstream fields(text.substr(close + 1));
  char state = 0;
  std::int64_t parent = 0, group = 0, session = 0, terminal = 0, foreground = 0;
  std::uint64_t flags = 0;
  fields >> state >> parent >> group >> session >> terminal >> foreground >> flags;
  constexpr std::uint64_t exiting = 0x4;
  return state == 'Z' || state == 'X' || (flags & exiting) != 0;
}

}  // namespace

Observer::Observer(const Connector& connector, std::optional<pid_t> server_pid)
    : connector_(connector), softirq_(limits::softirq_threads()) {
  if (server_pid) {
    server_.push_back(*server_pid);
  } else if (connector.target().is_loopback()) {
    std::vector<std::uint64_t> listeners;
    for (const echo::Endpoint& target : connector.targets()) {
      const auto found = listening_inodes(target);
      listeners.insert(listeners.end(), found.begin(), found.end());
    }
    server_ = holders_of(listeners);
  }
}

std::string Observer::server_name() const {
  if (server_.empty()) return "-";
  std::string name = std::to_string(server_.front()) + " (" + command_of(server_.front()) + ")";
  if (server_.size() > 1) name += " and " + std::to_string(server_.size() - 1) + " more";
  return name;
}

Sample Observer::sample(std::uint64_t connections, limits::Detail detail, Edge edge) const {
  Sample sample;
  sample.connections = connections;
  if (edge == Edge::closes) {
    read_clocks(sample);
    const std::vector<pid_t> family = with_descendants(server_);
    add_newborn(sample, family);
    family_ = family;
    read_threads(sample);
    read_memory(sample, detail);
  } else {
    family_ = with_descendants(server_);
    read_memory(sample, detail);
    read_threads(sample);
    read_clocks(sample);
  }
  return sample;
}

void Observer::read_clocks_again(Sample& sample) const {
  read_threads(sample);
  read_clocks(sample);
}

void Observer::read_clocks(Sample& sample) const {
  sample.busy = limits::read_busy();
  static_cast<Clocks&>(sample) = clocks(family_);
  sample.looked_at = sample.at;
}

Clocks Observer::clocks(const std::vector<pid_t>& family) const {
  Clocks clocks;
  if (!softirq_.empty()) clocks.softirq_cpu = limits::cpu_time(softirq_);
  // A child that has ended has no clock; its time is added to the parent that waited for it.
  clocks.server_cpu = limits::cpu_time(family);
  if (clocks.server_cpu) *clocks.server_cpu += limits::children_cpu_time(family);
  clocks.client_cpu = limits::cpu_time(::getpid());
  clocks.at = std::chrono::steady_clock::now();
  return clocks;
}

void Observer::read_threads(Sample& sample) const {
  sample.client_threads = limits::thread_times({::getpid()});
  sample.server_threads = limits::thread_times(family_);
}

void Observer::read_memory(Sample& sample, limits::Detail detail) const {
  sample.load = limits::read_load();
  sample.client = limits::read_usage({::getpid()}, limits::Detail::quick);
  if (!family_.empty()) sample.server = limits::read_usage(family_, detail);
  sample.machine = limits::read_machine();
  sample.tcp = limits::read_tcp_counters();
}

/// Adds the CPU time of children forked within the window; all of it belongs to the window.
void Observer::add_newborn(Sample& sample, const std::vector<pid_t>& family) const {
  if (!sample.server_cpu) return;
  for (const pid_t pid : family) {
    if (std::find(family_.begin(), family_.end(), pid) != family_.end()) continue;
    sample.newborn_cpu += limits::cpu_time(pid).value_or(std::chrono::nanoseconds{0});
  }
  *sample.server_cpu += sample.newborn_cpu;
}

QuickMemory Observer::quick_memory() const {
  return {limits::read_resident({::getpid()}), limits::read_resident(family_)};
}

bool Observer::server_is_gone() const {
  const bool none_left = !server_.empty() && std::all_of(server_.begin(), server_.end(), is_gone);
  return none_left || nobody_listens(connector_);
}

std::optional<std::uint64_t> resident_per_connection(const std::optional<limits::Usage>& before,
                                                     const std::optional<limits::Usage>& after,
                                                     std::uint64_t connections) {
  if (!before || !after || !before->rss || !after->rss || connections == 0) return std::nullopt;
  if (*after->rss <= *before->rss) return 0;
  return (*after->rss - *before->rss) / connections;
}

}  // namespace client
