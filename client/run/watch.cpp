#include "client/run/watch.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "client/result/rate.hpp"
#include "echo/report.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds live_interval{250};
constexpr std::chrono::seconds always_interval{1};
constexpr std::chrono::seconds plain_interval{10};
/// The loops post their progress at the end of an interval; it is read this much later.
constexpr std::chrono::milliseconds read_delay{3};

/// The width of the terminal: a line that wraps could not be overwritten.
std::size_t terminal_columns() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : 80;
}

json::value percentile(const echo::Histogram& latency, double percent) {
  const auto value = latency.percentile(percent);
  return value ? json::value(value->ns) : json::value(nullptr);
}

}  // namespace

Watch::Watch(const Options& options, echo::LineOutput* series, Rendezvous* others)
    : connections_(options.connections),
      words_(words_of(options.protocol())),
      on_(!options.quiet && options.progress != ShowProgress::never &&
          !(options.frames && options.progress == ShowProgress::when_terminal)),
      live_(on_ && ::isatty(STDERR_FILENO) == 1),
      begun_(now()),
      next_(begun_),
      last_(begun_) {
  if (live_) {
    interval_ = live_interval;
  } else if (on_) {
    interval_ = options.progress == ShowProgress::always ? always_interval : plain_interval;
  }
  if (series != nullptr) series->open();
  if (series != nullptr && series->is_open()) series_ = series;
  if (others != nullptr && others->wants_progress()) others_ = others;
  if (writes_lines()) interval_ = options.interval;
}

bool Watch::wait_for(LoopGroup& group, Nanoseconds until) {
  if (interval_ == never) return group.wait_until(until);
  for (;;) {
    // On the same grid as the loops' posts.
    const Nanoseconds at = now();
    if (next_ <= at) next_ += interval_ * ((at - next_) / interval_ + 1);
    if (group.wait_until(std::min(until, next_ + read_delay))) return true;
    if (now() >= until) return false;
    look(group, next_);
  }
}

void Watch::run(LoopGroup& group, LoopGroup::Task task) {
  group.start(std::move(task));
  wait_for(group);
  group.wait();
}

void Watch::finish(LoopGroup& group) {
  if (writes_lines()) look(group, now());
  last_echoes_ = last_received_ = 0;
}

void Watch::look(LoopGroup& group, Nanoseconds at) {
  echo::Histogram latency;
  const Progress progress = group.look(latency);
  const std::chrono::duration<double> passed = at - last_;
  const auto rate = [&passed](std::uint64_t now, std::uint64_t& before) {
    const std::uint64_t more = now > before ? now - before : 0;  // a new round began
    before = now;
    return passed.count() > 0 ? static_cast<double>(more) / passed.count() : 0;
  };
  const double echoes_per_s = rate(progress.echoes, last_echoes_);
  const double bytes_per_s = rate(progress.received, last_received_);
  last_ = at;
  if (on_) show(progress, echoes_per_s, bytes_per_s, latency);
  if (writes_lines()) write(progress, at, echoes_per_s, latency);
}

void Watch::show(const Progress& progress, double echoes_per_s, double bytes_per_s,
                 const echo::Histogram& latency) {
  const std::string_view phase =
      progress.phase == name_of(Phase::echo) ? words_.one : progress.phase;
  std::string text = fmt::format(
      "{:<8} connected {} of {}, failed {}, {} {} ({}/s, {}/s)", phase,
      limits::format_count(progress.connected), limits::format_count(connections_),
      limits::format_count(progress.failed), words_.many, limits::format_count(progress.echoes),
      rate_text(echoes_per_s), byte_rate_text(bytes_per_s));
  if (live_) {
    const auto memory = [](const std::optional<std::uint64_t>& bytes) {
      return bytes ? limits::format_bytes(*bytes) : "-";
    };
    const QuickMemory resident = observer_ != nullptr ? observer_->quick_memory() : QuickMemory{};
    text += fmt::format(", p99 {}, resident {} / {}", echo::text_of(latency.percentile(99)),
                        memory(resident.client), memory(resident.server));
  }
  if (live_) text.resize(std::min(text.size(), terminal_columns() - 1));
  lines_.write(live_ ? "\r\033[K" + text : text + "\n");
  shown_ = true;
}

void Watch::write(const Progress& progress, Nanoseconds at, double echoes_per_s,
                  const echo::Histogram& latency) {
  const QuickMemory resident = observer_ != nullptr ? observer_->quick_memory() : QuickMemory{};
  const json::object figures{
      {"at_ns", (at - begun_).count()},
      {"phase", progress.phase},
      {"connected", progress.connected},
      {"established", progress.established},
      {"failed", progress.failed},
      {"sent", progress.sent},
      {"verified", progress.echoes},
      {"received_bytes", progress.received},
      {"echoes_per_s", rate_json(echoes_per_s)},
      {"echo", json::object{{"count", latency.count()},
                            {"p50", percentile(latency, 50)},
                            {"p90", percentile(latency, 90)},
                            {"p99", percentile(latency, 99)},
                            {"max", latency.count() > 0 ? json::value(latency.max())
                                                        : json::value(nullptr)}}},
      {"client_rss", echo::to_json(resident.client)},
      {"server_rss", echo::to_json(resident.server)}};
  const std::string line = json::serialize(figures) + "\n";
  if (series_ != nullptr) series_->add(line);
  if (others_ != nullptr) others_->progress(line);
}

void Watch::show_message(const std::string& message) {
  if (!on_) return;
  lines_.write(live_ ? "\r\033[K" + message : message + "\n");
  shown_ = true;
}

void Watch::clear() {
  if (live_ && shown_) lines_.write("\r\033[K");
  shown_ = false;
}

}  // namespace client
