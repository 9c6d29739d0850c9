#include "client/measure/observe.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "client/measure/listener_owner.hpp"
#include "limits/proc_text.hpp"
#include "limits/processes/family.hpp"

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

/// `pids` and their descendants without this program: --server-pid may be a shell that started
/// both.
std::vector<pid_t> server_family(const std::vector<pid_t>& pids) {
  std::vector<pid_t> family = limits::with_descendants(pids);
  std::erase(family, ::getpid());
  return family;
}

/// "4711 (echo_threads) and 2 more". The name of a process may hold any byte.
std::string name_of(const std::vector<pid_t>& pids) {
  std::string name =
      std::to_string(pids.front()) + " (" + limits::printable(command_of(pids.front())) + ")";
  if (pids.size() > 1) name += " and " + std::to_string(pids.size() - 1) + " more";
  return name;
}

}  // namespace

Observer::Observer(const Connector& connector, std::optional<pid_t> server_pid,
                   std::function<bool()> stopping)
    : connector_(connector),
      server_sockets_(connector.targets()),
      stopping_(std::move(stopping)),
      softirq_(limits::softirq_threads()) {
  if (connector.target().is_loopback()) {
    server_ = holders_of(listening_inodes(connector.targets()));
  }
  if (!server_pid) return;
  const std::vector<pid_t> family = limits::with_descendants({*server_pid});
  const bool holds = std::any_of(server_.begin(), server_.end(), [&family](pid_t holder) {
    return std::find(family.begin(), family.end(), holder) != family.end();
  });
  if (!server_.empty() && !holds) other_listener_ = name_of(server_);
  server_ = {*server_pid};
}

std::string Observer::server_name() const {
  return server_.empty() ? "-" : name_of(server_);
}

Sample Observer::sample(std::uint64_t connections, limits::Detail detail, Edge edge) const {
  Sample sample;
  sample.connections = connections;
  if (edge == Edge::closes) {
    read_clocks(sample);
    const std::vector<pid_t> family = server_family(server_);
    add_newborn(sample, family);
    family_ = family;
    read_threads(sample);
    read_memory(sample, detail);
  } else {
    family_ = server_family(server_);
    read_memory(sample, detail);
    read_threads(sample);
    read_clocks(sample);
  }
  return sample;
}

void Observer::read_clocks_again(Sample& sample) const {
  read_quotas(sample);
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
  if (!family_.empty()) read_server_memory(sample, detail);
  sample.machine = limits::read_machine();
  sample.tcp = limits::read_tcp_counters();
  read_quotas(sample);
}

void Observer::read_quotas(Sample& sample) const {
  sample.client_quota = limits::cpu_quota();
  if (!server_.empty()) sample.server_quota = limits::cpu_quota(server_.front());
}

/// Each process costs some 40 us, and ten times that for its PSS.
void Observer::read_server_memory(Sample& sample, limits::Detail detail) const {
  constexpr std::chrono::milliseconds at_most{100};
  const auto began = std::chrono::steady_clock::now();
  bool whole = true;
  sample.server = limits::read_usage(family_, detail, "/", [&] {
    whole = !stopping_ || std::chrono::steady_clock::now() - began < at_most || !stopping_();
    return whole;
  });
  if (!whole) sample.server.reset();
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

void Observer::count_other_connections(Moments& moments, std::uint64_t own) const {
  constexpr std::uint64_t too_many = 100'000;
  if (own > too_many) return;
  const auto all = server_sockets_.established();
  if (!all) return;
  const std::uint64_t others = *all > own ? *all - own : 0;
  moments.other_connections = std::max(moments.other_connections.value_or(0), others);
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
