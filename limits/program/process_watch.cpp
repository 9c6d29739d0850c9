#include "limits/program/process_watch.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/output/writer.hpp"
#include "echo/report.hpp"
#include "echo/stop.hpp"
#include "limits/cpu.hpp"
#include "limits/processes/family.hpp"
#include "limits/quantity.hpp"

namespace limits {
namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC
using Nanoseconds = std::chrono::nanoseconds;

/// What takes long, such as a sample of thousands of processes, is done again no sooner than after
/// this many times that long: watching takes some percent of one processor at most.
constexpr int rest = 50;
constexpr std::chrono::seconds between_looks{1};
/// Of --interval and --duration: their sum with a time must fit 64 bits of nanoseconds.
constexpr std::chrono::hours longest_time{24 * 366};

struct WatchOptions {
  std::int64_t pid = 0;
  bool json = false;
  Nanoseconds interval = std::chrono::seconds{1};
  std::optional<Nanoseconds> duration;
};

Nanoseconds now() {
  return Clock::now().time_since_epoch();
}

boost::json::value ns_json(const std::optional<Nanoseconds>& time) {
  return time ? boost::json::value(time->count()) : boost::json::value(nullptr);
}

std::string line_of(const boost::json::object& object) {
  return boost::json::serialize(object) + "\n";
}

std::string_view name_of(WatchEnd end) {
  switch (end) {
    case WatchEnd::reader_gone:
      return "stdin";
    case WatchEnd::signal:
      return "signal";
    case WatchEnd::duration:
      return "duration";
    case WatchEnd::process_gone:
      break;
  }
  return "process gone";
}

std::string shown(const std::optional<std::uint64_t>& bytes) {
  return bytes ? format_bytes(*bytes) : "-";
}

/// Processors in use between two samples.
std::string busy_text(const ProcessSample& from, const ProcessSample& to) {
  const std::chrono::duration<double> passed = to.at - from.at;
  if (!from.cpu || !to.cpu || passed.count() <= 0) return "-";
  const std::chrono::duration<double> used = *to.cpu - *from.cpu;
  return fmt::format("{:.2f}", std::max(used.count(), 0.0) / passed.count());
}

/// Whether the end of stdin says anything: it does where another program holds its other end.
bool stdin_is_a_pipe() {
  struct stat status {};
  return ::fstat(STDIN_FILENO, &status) == 0 &&
         (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

/// Whether the other end of stdin is closed. Reads what is there: nobody needs it.
bool stdin_has_ended() {
  std::array<char, 4096> ignored{};
  return ::read(STDIN_FILENO, ignored.data(), ignored.size()) == 0;
}

/// Waits until `due`. nullopt: then it is time for the next sample.
std::optional<WatchEnd> wait_until(Nanoseconds due, const echo::Stop& stop, bool watches_stdin) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now());
    if (left.count() <= 0) return std::nullopt;
    std::array<pollfd, 2> entries{
        {{stop.drain_fd(), POLLIN, 0}, {watches_stdin ? STDIN_FILENO : -1, POLLIN, 0}}};
    const auto slice = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    if (::poll(entries.data(), entries.size(), slice) < 0) echo::pause_after_failed_wait();
    if (stop.draining()) return WatchEnd::signal;
    if (entries[1].revents != 0 && stdin_has_ended()) return WatchEnd::reader_gone;
  }
}

/// Writes the lines of the run. A reader that takes nothing delays the next sample and loses none.
class Lines {
 public:
  explicit Lines(const echo::Stop& stop) : stop_(stop) {}
  void write(std::string_view text) {
    const echo::Patience until_a_signal{Nanoseconds::max(), Nanoseconds::max(), stop_.force_fd()};
    if (!writer_.write_all(text, until_a_signal)) echo::fail_to_write("stdout", errno);
  }

 private:
  const echo::Stop& stop_;
  echo::Writer writer_ = echo::Writer::to_shared(STDOUT_FILENO);
};

WatchEnd watch(const WatchOptions& options, const echo::Stop& stop, Lines& lines,
               ProcessSampler& processes, ProcessTotals& totals) {
  const bool watches_stdin = stdin_is_a_pipe();
  const Nanoseconds end = options.duration ? now() + *options.duration : Nanoseconds::max();
  std::optional<ProcessSample> before;
  Nanoseconds due = now();
  for (;;) {
    const Nanoseconds began = now();
    const auto sample = processes.sample();
    if (!sample) return WatchEnd::process_gone;
    lines.write(options.json ? as_json(*sample) : as_text(*sample, before));
    totals.add(*sample);
    before = sample;
    if (now() >= end) return WatchEnd::duration;
    const Nanoseconds rested = now() + (now() - began) * rest;
    due += options.interval;
    if (due < rested)
      due +=
          (rested - due + options.interval - Nanoseconds{1}) / options.interval * options.interval;
    if (const auto ended = wait_until(std::min(due, end), stop, watches_stdin)) {
      if (const auto last = processes.sample()) {
        lines.write(options.json ? as_json(*last) : as_text(*last, before));
        totals.add(*last);
      }
      return *ended;
    }
  }
}

void declare(CLI::App& app, WatchOptions& options) {
  app.add_option("PID", options.pid, "The server's process; its descendants are included")
      ->required()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 22, "a process id"));
  app.add_flag("--json", options.json, "A line of JSON per interval, and one about all");
  echo::add_duration(app, "--interval", options.interval, "Time between two lines");
  echo::add_duration(app, "-d,--duration", options.duration,
                     "End after this time; else by a signal, or the end of a pipe on stdin");
}

}  // namespace

std::optional<ProcessSample> ProcessSampler::sample() {
  if (const Nanoseconds began = now(); began >= look_at_) {
    family_ = with_descendants({pid_});
    std::erase(family_, ::getpid());  // the process may be a shell that started both
    const Nanoseconds ended = now();
    look_at_ = ended + std::max<Nanoseconds>(between_looks, (ended - began) * rest);
  }
  ProcessSample sample;
  sample.usage = read_usage(family_, Detail::quick);
  const auto& alive = sample.usage.pids;
  if (std::find(alive.begin(), alive.end(), pid_) == alive.end()) return std::nullopt;
  sample.cpu = cpu_time(family_);
  if (sample.cpu) *sample.cpu += children_cpu_time(family_);
  sample.at = now();
  return sample;
}

void ProcessTotals::add(const ProcessSample& sample) {
  if (samples_++ == 0) first_ = sample;
  last_ = sample;
  if (sample.usage.rss) most_resident_ = std::max(most_resident_.value_or(0), *sample.usage.rss);
}

std::string as_json(const ProcessSample& sample) {
  const Usage& usage = sample.usage;
  return line_of({{"ns", sample.at.count()},
                  {"cpu_ns", ns_json(sample.cpu)},
                  {"resident", echo::to_json(usage.rss)},
                  {"processes", usage.pids.size()},
                  {"threads", echo::to_json(usage.threads)},
                  {"descriptors", echo::to_json(usage.descriptors)}});
}

std::string as_text(const ProcessSample& sample, const std::optional<ProcessSample>& before) {
  const Usage& usage = sample.usage;
  const auto count = [](const std::optional<std::uint64_t>& value) {
    return value ? format_count(*value) : "-";
  };
  return fmt::format("CPU {}, resident {}, {} processes, {} threads, {} descriptors\n",
                     before ? busy_text(*before, sample) : "-", shown(usage.rss),
                     format_count(usage.pids.size()), count(usage.threads),
                     count(usage.descriptors));
}

std::string ProcessTotals::as_json(WatchEnd end) const {
  std::optional<Nanoseconds> used;
  if (first_.cpu && last_.cpu) used = *last_.cpu - *first_.cpu;
  return line_of({{"schema", "echo-testbed/1"},
                  {"program", "limits"},
                  {"ended", name_of(end)},
                  {"samples", samples_},
                  {"begun_ns", first_.at.count()},
                  {"ended_ns", last_.at.count()},
                  {"cpu_used_ns", ns_json(used)},
                  {"most_resident", echo::to_json(most_resident_)}});
}

std::string ProcessTotals::as_text(WatchEnd end) const {
  const std::chrono::duration<double> passed = last_.at - first_.at;
  return fmt::format("{:.1f} s, CPU {}, resident at most {}; ended by: {}\n", passed.count(),
                     busy_text(first_, last_), shown(most_resident_), name_of(end));
}

int run_watch(const std::vector<std::string>& arguments) {
  WatchOptions options;
  CLI::App app{"limits watch: CPU time and memory of a server's processes, a line per interval.",
               "limits watch"};
  echo::use_plain_help(app);
  declare(app, options);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    echo::write_text(app.help());
    return echo::exit_pass;
  }
  options.interval = std::min<Nanoseconds>(options.interval, longest_time);
  if (options.duration) options.duration = std::min<Nanoseconds>(*options.duration, longest_time);
  ProcessSampler processes{static_cast<pid_t>(options.pid)};
  if (!processes.sample())
    throw echo::Exit(echo::exit_usage, fmt::format("watch: no process {} here", options.pid));
  echo::Stop stop;
  echo::SignalWatch signals{stop, std::chrono::seconds{1}};
  Lines lines{stop};
  ProcessTotals totals;
  const WatchEnd end = watch(options, stop, lines, processes, totals);
  lines.write(options.json ? totals.as_json(end) : totals.as_text(end));
  if (end == WatchEnd::signal) return echo::exit_signal + signals.signal();
  return end == WatchEnd::process_gone ? echo::exit_fail : echo::exit_pass;
}

}  // namespace limits
