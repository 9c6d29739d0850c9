#include "server/program/startup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <CLI/Error.hpp>
#include <cerrno>
#include <chrono>
#include <stdexcept>

#include "echo/exit_code.hpp"
#include "echo/output/status_lines.hpp"
#include "echo/output/writer.hpp"
#include "limits/groups/task_shortage.hpp"
#include "limits/preflight.hpp"
#include "limits/quantity.hpp"

namespace server {

echo::Endpoint bind_address(const ServerOptions& options, const echo::Stop& stop,
                            const echo::SignalWatch& signals) {
  const auto found = [&options, &stop] {
    try {
      return echo::resolve(options.bind, options.port, stop,
                           std::chrono::steady_clock::time_point::max());
    } catch (const std::runtime_error& error) {
      throw echo::Exit(echo::exit_network, error.what());
    }
  }();
  if (!found) {
    throw echo::Exit(echo::exit_signal + signals.signal(),
                     "resolve " + options.bind + ": interrupted; nothing was bound");
  }
  const echo::Endpoint& where = found->front();
  if (!where.is_loopback() && !options.allow_public) {
    throw echo::Exit(echo::exit_safety,
                     where.text() +
                         " is not loopback: a public echo service is a reflection hazard; "
                         "give --allow-public to allow it");
  }
  return where;
}

Listeners listen_or_exit(const echo::Endpoint& where, const ServerOptions& options, unsigned count,
                         bool shared) {
  try {
    return {where, options.backlog, count, options.socket, shared};
  } catch (const std::system_error& error) {
    throw echo::Exit(echo::exit_network, error.what());
  }
}

void pin(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) return;
  cpu_set_t allowed;
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (const unsigned cpu : cpus) {
    if (!CPU_ISSET(cpu, &allowed)) {
      throw CLI::ValidationError("--cpus",
                                 fmt::format("this process may not run on processor {}", cpu));
    }
    CPU_SET(cpu, &wanted);
  }
  ::sched_setaffinity(0, sizeof wanted, &wanted);
}

bool limits_suffice(const Configured& configured, const ServerOptions& options) {
  const limits::Ceilings ceilings = limits::read_ceilings(limits::Kernel{});
  const auto verdicts = limits::preflight({configured.demand(options, 1)}, ceilings, 0);
  return limits::first_refusal(verdicts) == nullptr;
}

std::string check_limits(const Configured& configured, const ServerOptions& options) {
  const limits::Ceilings ceilings = limits::read_ceilings(limits::Kernel{});
  const std::uint64_t connections = options.max_connections.value_or(1);
  const auto verdicts = limits::preflight({configured.demand(options, connections)}, ceilings,
                                          static_cast<std::uint64_t>(options.backlog));
  if (const limits::Verdict* refusal = limits::first_refusal(verdicts)) {
    throw echo::Exit(echo::exit_refused, limits::refusal_line(*refusal));
  }
  const auto at_once = configured.shape_of(options).at_once;
  for (const limits::Verdict& verdict : verdicts) {
    if (!verdict.bites_at || *verdict.bites_at == 0) continue;
    if (at_once && *at_once < *verdict.bites_at) break;
    return fmt::format("room for {} connections (then {}: {})",
                       limits::format_count(*verdict.bites_at - 1), verdict.name, verdict.source);
  }
  if (!at_once) return "";
  return fmt::format("serves {} {} at once, further ones wait", limits::format_count(*at_once),
                     *at_once == 1 ? "connection" : "connections");
}

void check_ready_fd(int fd) {
  if (fd < 0) return;
  const int flags = ::fcntl(fd, F_GETFL);
  const std::string name = "--ready-fd " + std::to_string(fd);
  if (flags < 0) throw echo::Exit(echo::exit_usage, name + ": this descriptor is not open");
  if ((flags & O_ACCMODE) == O_RDONLY)
    throw echo::Exit(echo::exit_usage, name + ": this descriptor is open for reading only");
}

void report_ready(const ServerOptions& options, const echo::Endpoint& where,
                  const std::string& room) {
  if (options.ready_fd >= 0) {
    constexpr std::chrono::seconds longest_wait{1};
    const std::string line = std::to_string(where.port()) + "\n";
    if (!echo::Writer::to_shared(options.ready_fd).write_all(line, {longest_wait, longest_wait}))
      echo::fail_to_write("--ready-fd " + std::to_string(options.ready_fd), errno);
    // Its reader may wait for its end. A standard descriptor has another use too.
    if (options.ready_fd > STDERR_FILENO) ::close(options.ready_fd);
  }
  const std::string ready =
      fmt::format("listening {}{}{}\n", where.text(), room.empty() ? "" : ", ", room);
  echo::write_message(ready);
}

namespace {

/// A thread with the default attributes, such as the one that waits for signals.
limits::RefusedTask a_default_thread() {
  pthread_attr_t attributes;
  std::size_t stack = 0;
  std::size_t guard = 0;
  if (::pthread_getattr_default_np(&attributes) != 0) return {};
  ::pthread_attr_getstacksize(&attributes, &stack);
  ::pthread_attr_getguardsize(&attributes, &guard);
  ::pthread_attr_destroy(&attributes);
  return limits::refused_thread(stack, guard);
}

}  // namespace

std::string shortage(const std::system_error& error) {
  switch (error.code().value()) {
    case EAGAIN:
      return limits::task_shortage(limits::read_ceilings(limits::Kernel{}), a_default_thread());
    case ENOMEM:
      return "memory, address space (RLIMIT_AS) or memory maps (vm.max_map_count)";
    case EMFILE:
    case ENFILE:
      return "open files (RLIMIT_NOFILE) or those of the machine (fs.file-max)";
    case ENOSPC:
      return "epoll watches (fs.epoll.max_user_watches)";
    default:
      return "";
  }
}

}  // namespace server
