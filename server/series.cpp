#include "server/series.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>

namespace server {

using std::chrono::nanoseconds;

std::vector<WorkerFigures> read_workers(const Counters& counters) {
  std::vector<WorkerFigures> figures;
  figures.reserve(counters.workers());
  for (unsigned i = 0; i < counters.workers(); ++i) {
    const WorkerCounts& worker = counters.worker(i);
    // Read `closed` first: a connection that ends between the two reads must not make the
    // difference negative.
    const std::uint64_t closed = worker.closed.load();
    const std::uint64_t accepted = worker.accepted.load();
    figures.push_back({accepted - std::min(closed, accepted), accepted, worker.messages.load(),
                       worker.bytes.load(), counters.cpu_time(i)});
  }
  return figures;
}

void Series::add(Sample sample) {
  // The tolerance: after a sample that was taken late, the next one must not be skipped.
  if (!samples_.empty() && sample.at - samples_.back().at < interval_ - tolerance_) return;
  samples_.push_back(std::move(sample));
  if (samples_.size() < most_samples) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < samples_.size(); i += 2) samples_[kept++] = std::move(samples_[i]);
  samples_.resize(kept);
  interval_ *= 2;
}

std::optional<Series::Lopsided> Series::lopsided() const {
  constexpr double far = 1.5;
  constexpr std::size_t enough_intervals = 3;
  constexpr double enough_messages = 100;  // per interval
  struct Stretch {
    std::size_t intervals = 0, began = 0;
    double sum = 0;
  };
  std::optional<Lopsided> longest;
  if (samples_.size() < 2) return longest;
  const std::size_t workers = samples_.front().workers.size();
  std::vector<Stretch> running(workers);
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    std::vector<double> messages(workers);
    double total = 0;
    for (std::size_t w = 0; w < workers; ++w) {
      messages[w] = static_cast<double>(samples_[i].workers[w].messages -
                                        samples_[i - 1].workers[w].messages);
      total += messages[w];
    }
    const double mean = total / static_cast<double>(workers);
    for (std::size_t w = 0; w < workers; ++w) {
      Stretch& stretch = running[w];
      if (total < enough_messages || messages[w] < far * mean) {
        stretch = {};
        continue;
      }
      if (stretch.intervals++ == 0) stretch.began = i - 1;
      stretch.sum += messages[w] / mean;
      const auto length = samples_[i].at - samples_[stretch.began].at;
      if (stretch.intervals < enough_intervals) continue;
      if (longest && longest->to - longest->from >= length) continue;
      longest = {static_cast<unsigned>(w), samples_[stretch.began].at, samples_[i].at,
                 stretch.sum / static_cast<double>(stretch.intervals)};
    }
  }
  return longest;
}

std::string line_of(const Series::Sample& before, const Series::Sample& after) {
  constexpr std::size_t most_shown = 16;
  const double seconds = std::chrono::duration<double>(after.at - before.at).count();
  const auto rate = [&](std::size_t worker) {
    return static_cast<double>(after.workers[worker].messages - before.workers[worker].messages) /
           seconds;
  };
  std::uint64_t open = 0;
  double messages = 0;
  std::string each;
  for (std::size_t i = 0; i < after.workers.size(); ++i) {
    const WorkerFigures& worker = after.workers[i];
    open += worker.open;
    messages += rate(i);
    if (i >= most_shown) continue;
    const auto& cpu_before = before.workers[i].cpu;
    std::string cpu = "-";
    if (worker.cpu && cpu_before) {
      const std::chrono::duration<double> used = *worker.cpu - *cpu_before;
      cpu = fmt::format("{:.0f} %", std::max(used.count(), 0.0) / seconds * 100);
    }
    each += fmt::format("  {}: {} open, {:.0f}/s, {}", i, worker.open, rate(i), cpu);
  }
  if (after.workers.size() > most_shown) each += "  ...";
  return fmt::format("[{:.1f} s] {} open, {:.0f} messages/s |{}\n",
                     std::chrono::duration<double>(after.at).count(), open, messages, each);
}

Sampler::Sampler(const Counters& counters, nanoseconds interval, bool prints)
    : counters_(counters),
      interval_(interval),
      series_(interval),
      done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!done_) throw std::system_error(errno, std::generic_category(), "eventfd");
  if (prints) lines_.emplace();
  series_.add(sample());
  thread_ = std::thread([this] { run(); });
}

Sampler::~Sampler() {
  finish();
}

void Sampler::finish() {
  if (!thread_.joinable()) return;
  ::eventfd_write(done_.get(), 1);
  thread_.join();
  series_.end(sample());
}

Series::Sample Sampler::sample() const {
  return {std::chrono::steady_clock::now() - began_, read_workers(counters_)};
}

void Sampler::run() {
  Series::Sample before = series_.samples().front();
  for (auto next = began_ + interval_;; next += interval_) {
    const nanoseconds left = next - std::chrono::steady_clock::now();
    timespec wait{};
    if (left > nanoseconds{0}) {
      wait.tv_sec = left.count() / 1'000'000'000;
      wait.tv_nsec = left.count() % 1'000'000'000;
    }
    pollfd entry{done_.get(), POLLIN, 0};
    if (::ppoll(&entry, 1, &wait, nullptr) > 0) return;
    try {
      Series::Sample now = sample();
      if (lines_) lines_->write(line_of(before, now));
      before = now;
      series_.add(std::move(now));
    } catch (const std::bad_alloc&) {  // the series has a gap; the server goes on
    }
  }
}

}  // namespace server
