#include "client/fleet/pipe_rendezvous.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "echo/report.hpp"
#include "limits/proc_text.hpp"

namespace client {
namespace {

namespace json = boost::json;

/// Of the wrong lines, those that are printed; the report has the number of all.
constexpr std::uint64_t most_complaints = 10;
constexpr std::chrono::seconds longest_wait_for_a_command{60};

echo::Descriptor make_event() {
  echo::Descriptor event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!event) throw std::system_error(errno, std::generic_category(), "eventfd");
  return event;
}

void raise_event(int fd) {
  const std::uint64_t one = 1;
  // It cannot wait: the counter is read long before it is full.
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
}

int milliseconds_until(Nanoseconds until) {
  const Nanoseconds left =
      std::clamp<Nanoseconds>(until - now(), Nanoseconds{0}, longest_wait_for_a_command);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

/// Takes the first word off `text`.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

/// nullopt unless all of `text` is a number from `least` on.
std::optional<std::int64_t> integer_in(std::string_view text, std::int64_t least = 0) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least)
    return std::nullopt;
  return number;
}

std::string one_line(const json::object& object) {
  return echo::text_of_document(object);
}

}  // namespace

PipeRendezvous::PipeRendezvous(Share share, Nanoseconds length, int commands, FrameOutput& frames,
                               echo::Stop& stop)
    : share_(share),
      host_(host_name()),
      commands_(commands),
      frames_(frames),
      stop_(stop),
      arrived_(make_event()),
      done_(make_event()),
      length_(length) {
  frames_.add("hello", hello_text(host_, share.ranks));
  thread_ = std::thread([this] { read_commands(); });
}

PipeRendezvous::~PipeRendezvous() {
  raise_event(done_.get());
  thread_.join();
}

std::optional<Nanoseconds> PipeRendezvous::start(const echo::Stop& stop, Nanoseconds give_up) {
  frames_.add("ready", one_line({{"deadline_ns", length_.count()}}));
  const std::optional<Nanoseconds> due = wait_for(&Said::start, stop, give_up);
  started_ = due.has_value();
  return due;
}

Nanoseconds PipeRendezvous::traffic(const echo::Stop& stop, Nanoseconds give_up) {
  frames_.add("standing", "{}");
  return wait_for(&Said::traffic, stop, give_up).value_or(now());
}

std::optional<Nanoseconds> PipeRendezvous::wait_for(std::optional<Nanoseconds> Said::*which,
                                                    const echo::Stop& stop, Nanoseconds give_up) {
  do {
    const std::lock_guard lock{mutex_};
    std::optional<Nanoseconds>& due = said_.*which;
    // A later one would be a wait without an end.
    if (due && *due <= give_up) return std::exchange(due, std::nullopt);
    if (due) ++said_.wrong_lines;
    due.reset();
  } while (wait_for_command(stop.drain_fd(), give_up));
  return std::nullopt;
}

void PipeRendezvous::wait_for_quit(const echo::Stop& stop, Nanoseconds until) {
  const int stop_fd = stop.draining() ? stop.force_fd() : stop.drain_fd();
  do {
    const std::lock_guard lock{mutex_};
    if (said_.quit || said_.ended) return;
  } while (wait_for_command(stop_fd, until));
}

bool PipeRendezvous::wait_for_command(int stop_fd, Nanoseconds until) const {
  pollfd entries[2] = {{arrived_.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}};
  for (;;) {
    if (::poll(entries, 2, milliseconds_until(until)) < 0) {
      echo::pause_after_failed_wait();
      entries[0].revents = entries[1].revents = 0;
    }
    if (entries[1].revents != 0) return false;
    std::uint64_t count = 0;
    if (entries[0].revents != 0 && ::read(arrived_.get(), &count, sizeof count) > 0) return true;
    if (now() >= until) return false;
  }
}

Rank PipeRendezvous::rank() const {
  Rank rank;
  rank.share = share_;
  rank.host = host_;
  const std::uint64_t lost = frames_.lost();
  const std::lock_guard lock{mutex_};
  rank.clock_before = said_.clock_before;
  rank.clock_after = said_.clock_after;
  const auto warn = [&rank](const std::string& what) {
    rank.warning += (rank.warning.empty() ? "" : "; ") + what;
  };
  if (said_.gone)
    warn("the program that started this client was gone before the end (stdin ended)");
  if (said_.wrong_lines > 0)
    warn(fmt::format("commands on stdin that were not understood: {}", said_.wrong_lines));
  if (lost > 0) warn(fmt::format("frames lost, because their reader was too slow: {}", lost));
  return rank;
}

void PipeRendezvous::read_commands() {
  bool open = true;
  for (;;) {
    pollfd entries[2] = {{done_.get(), POLLIN, 0}, {open ? commands_ : -1, POLLIN, 0}};
    if (::poll(entries, 2, force_in_ms()) < 0) {
      if (errno != EINTR) echo::pause_after_failed_wait();
      continue;
    }
    if (entries[0].revents != 0) return;
    if (entries[1].revents != 0) open = read_some();
    if (!open && entries[1].revents != 0) on_end();
  }
}

/// How long the thread may wait until it has to force the stop, in milliseconds; -1: for ever.
int PipeRendezvous::force_in_ms() {
  if (force_at_ == never) return -1;
  if (now() < force_at_) return milliseconds_until(force_at_);
  force_at_ = never;
  if (!drained_) stop_.request_force();
  return -1;
}

/// Returns false at the end.
bool PipeRendezvous::read_some() {
  std::array<char, 4096> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const ssize_t got = ::read(commands_, bytes.data(), bytes.size());
  const Nanoseconds at = now();
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got > 0) take({bytes.data(), static_cast<std::size_t>(got)}, at);
  return got > 0;
}

void PipeRendezvous::take(std::string_view bytes, Nanoseconds at) {
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    line_ += bytes.substr(0, std::min(end, longest_command + 1 - line_.size()));
    if (end == bytes.size()) return;
    bytes.remove_prefix(end + 1);
    obey(line_, at);
    line_.clear();
  }
}

void PipeRendezvous::obey(std::string_view line, Nanoseconds at) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string_view rest = line;
  const std::string_view word = take_word(rest);
  const bool is_known = line.size() <= longest_command && obey_word(word, rest, at);
  if (!is_known) refuse(line);
  wake();
}

/// Returns false for what is no command.
bool PipeRendezvous::obey_word(std::string_view word, std::string_view rest, Nanoseconds at) {
  if (word == "offset") return take_offset(rest);
  if (word == "stop" || word == "quit") {
    if (!rest.empty()) return false;
    const bool quit = word == "quit";
    if (quit) {
      const std::lock_guard lock{mutex_};
      said_.quit = true;
    }
    if (!quit || !started_) request_stop();
    return true;
  }
  const std::optional<std::int64_t> number = integer_in(rest);
  if (!number) return false;
  if (word == "clock") {
    frames_.add("clock", fmt::format(R"({{"id":{},"ns":{}}})", *number, at.count()));
    return true;
  }
  const std::lock_guard lock{mutex_};
  if (word == "start") {
    said_.start = Nanoseconds{*number};
  } else if (word == "traffic") {
    said_.traffic = Nanoseconds{*number};
  } else {
    return false;
  }
  return true;
}

bool PipeRendezvous::take_offset(std::string_view rest) {
  const std::string_view when = take_word(rest);
  const auto offset = integer_in(take_word(rest), std::numeric_limits<std::int64_t>::min());
  const auto bound = integer_in(take_word(rest));
  const auto at = integer_in(rest);
  if ((when != "before" && when != "after") || !offset || !bound || !at) return false;
  const ClockOffset clock{Nanoseconds{*offset}, Nanoseconds{*bound}, Nanoseconds{*at}};
  const std::lock_guard lock{mutex_};
  (when == "before" ? said_.clock_before : said_.clock_after) = clock;
  return true;
}

void PipeRendezvous::refuse(std::string_view line) {
  std::uint64_t count = 0;
  {
    const std::lock_guard lock{mutex_};
    count = ++said_.wrong_lines;
  }
  if (count > most_complaints) return;
  constexpr std::size_t most_shown = 60;
  const bool is_cut = line.size() > most_shown;
  lines_.write(
      fmt::format("client: stdin: \"{}{}\" is no command; clock ID, start NS, traffic NS, "
                  "offset before|after NS NS NS, stop, quit are{}\n",
                  limits::printable(std::string(line.substr(0, most_shown))), is_cut ? "..." : "",
                  count == most_complaints ? "; no more of this is printed" : ""));
}

void PipeRendezvous::on_end() {
  bool gone = false;
  {
    const std::lock_guard lock{mutex_};
    said_.ended = true;
    gone = !said_.quit && !drained_;
    said_.gone = gone;
  }
  if (gone) request_stop();
  wake();
}

void PipeRendezvous::request_stop() {
  if (stopped_) return;
  stopped_ = true;
  force_at_ = now() + drain_in_a_fleet;
  stop_.request_drain();
}

void PipeRendezvous::wake() const {
  raise_event(arrived_.get());
}

}  // namespace client
