// The floor client's window and histogram. Of these, only Window::edge() is on the path of an echo.
#include <unistd.h>

#include "bench/floor_client.hpp"

namespace bench {
namespace {

clockid_t cpu_clock_of(pid_t pid) {
  clockid_t clock{};
  if (::clock_getcpuclockid(pid, &clock) != 0) give_up("no such process: its CPU cannot be read");
  return clock;
}

std::int64_t in_ns(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

}  // namespace

std::uint64_t Histogram::percentile(double percent) const {
  const auto rank = static_cast<std::uint64_t>(static_cast<double>(count_) * percent / 100);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    below += bins_[i];
    if (below <= rank) continue;
    if (i < 256) return i;
    const std::size_t shift = (i >> 7U) - 1;
    return std::uint64_t{i - (shift << 7U)} << shift;
  }
  return 0;
}

Window::Window(const Options& options)
    : warm_up_(in_ns(options.warm_up)), length_(in_ns(options.seconds)) {
  if (options.server != 0) server_ = cpu_clock_of(options.server);
  for (const pid_t pid : options.softirqs) softirqs_.push_back(cpu_clock_of(pid));
}

void Window::cross(std::int64_t now, std::uint64_t echoes, std::uint64_t waits) {
  Sample& sample = begun_ ? end_ : begin_;
  sample.at = now;
  sample.client = read_ns(CLOCK_PROCESS_CPUTIME_ID);
  if (server_ != 0) sample.server = read_ns(server_);
  for (const clockid_t clock : softirqs_) sample.softirq += read_ns(clock);
  sample.echoes = echoes;
  sample.waits = waits;
  over_ = begun_;
  begun_ = true;
  edge_ = over_ ? never : now + length_;
}

void Window::print(const Options& options, const Histogram& histogram,
                   std::uint64_t all_echoes) const {
  const auto value = [](const char* name, std::int64_t number, bool known) {
    if (known) {
      std::printf("\"%s\": %lld, ", name, static_cast<long long>(number));
    } else {
      std::printf("\"%s\": null, ", name);
    }
  };
  std::printf("{\"connections\": %u, ", options.connections);
  value("window_ns", end_.at - begin_.at, true);
  value("echoes", static_cast<std::int64_t>(end_.echoes - begin_.echoes), true);
  value("all_echoes", static_cast<std::int64_t>(all_echoes), true);
  value("client_cpu_ns", end_.client - begin_.client, true);
  value("server_cpu_ns", end_.server - begin_.server, server_ != 0);
  value("softirq_cpu_ns", end_.softirq - begin_.softirq, !softirqs_.empty());
  value("epoll_waits", static_cast<std::int64_t>(end_.waits - begin_.waits), true);
  std::printf("\"p50_ns\": %llu, \"p99_ns\": %llu}\n",
              static_cast<unsigned long long>(histogram.percentile(50)),
              static_cast<unsigned long long>(histogram.percentile(99)));
}

}  // namespace bench
