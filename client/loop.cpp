// The phases, and the wait that they share. What an event does to a session: loop_events.cpp.
#include "client/loop.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace client {
namespace {

constexpr Nanoseconds never = Nanoseconds::max();
/// Sockets opened between two looks at the events: a connect takes ~20 us, and its time ends when
/// it is seen, so a large batch would measure itself.
constexpr std::uint64_t connect_batch = 4;
/// Sockets sent on or closed between two looks at the events.
constexpr int batch = 64;
/// How long a peer that was half-closed may stay silent before its connection is closed on it.
constexpr std::chrono::milliseconds quiet_period{500};
/// The stop's descriptors among the epoll's session indices.
constexpr std::uint32_t drain_index = Session::none;
constexpr std::uint32_t force_index = Session::none - 1;

}  // namespace

Loop::Loop(const Plan& plan, const Connector& connector, const echo::Payload& payload,
           const echo::Stop& stop, Tally& tally, Hooks hooks)
    : plan_(plan),
      connector_(connector),
      exchange_(payload),
      tally_(tally),
      hooks_(std::move(hooks)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      ramp_(plan.connections),
      sessions_(plan.connections),
      connecting_(sessions_),
      echoing_(sessions_) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  next_progress_ = now() + hooks_.progress_every;
  watch(stop.drain_fd(), EPOLLIN | EPOLLET, drain_index);
  watch(stop.force_fd(), EPOLLIN | EPOLLET, force_index);
}

void Loop::watch(int fd, std::uint32_t events, std::uint32_t index) {
  epoll_event event{};
  event.events = events;
  event.data.u32 = index;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

Loop::~Loop() {
  for (Session& session : sessions_) echo::Descriptor{session.fd};
}

void Loop::wait_and_dispatch(Nanoseconds until) {
  std::array<epoll_event, 512>
      events;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by the kernel
  Nanoseconds at = now();
  // A deadline that has done its work must not cut the waits of the drain short.
  const Nanoseconds deadline = running() ? plan_.deadline_at : never;
  const Nanoseconds wake = std::min({until, next_expiry(), deadline, next_progress_});
  const auto left = std::max(wake - at, Nanoseconds{0});
  const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   &timeout, nullptr);
  if (count < 0 && errno != EINTR)
    throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    switch (event.data.u32) {
      case drain_index:
        stop_requested_ = true;
        break;
      case force_index:
        forced_ = true;
        break;
      default:
        dispatch(event.data.u32, event.events);
    }
  }
  at = now();
  if (count > 0) last_event_ = at;
  expire(at);
  check_limits(at);
}

void Loop::check_limits(Nanoseconds at) {
  if (cut_ == Cut::none && stop_requested_) cut_ = Cut::interrupted;
  if (at >= plan_.deadline_at && cut_ == Cut::none) cut_ = Cut::deadline;
  if (at >= next_progress_) {
    next_progress_ = at + hooks_.progress_every;
    if (hooks_.progress)
      hooks_.progress({name_of(phase_), tally_.open, tally_.failed(), tally_.verified});
  }
}

Nanoseconds Loop::next_expiry() const {
  Nanoseconds soonest = never;
  if (!connecting_.empty()) {
    soonest = Nanoseconds{sessions_[connecting_.oldest()].sent_ns} + plan_.connect_timeout;
  }
  if (!echoing_.empty()) {
    soonest = std::min(soonest, Nanoseconds{sessions_[echoing_.oldest()].sent_ns} + plan_.timeout);
  }
  return soonest;
}

void Loop::expire(Nanoseconds at) {
  while (!connecting_.empty() &&
         Nanoseconds{sessions_[connecting_.oldest()].sent_ns} + plan_.connect_timeout <= at) {
    ramp_.timed_out();
    end(connecting_.oldest(), {Outcome::connect_timeout, phase_, 0});
  }
  while (!echoing_.empty() &&
         Nanoseconds{sessions_[echoing_.oldest()].sent_ns} + plan_.timeout <= at) {
    record_censored(sessions_[echoing_.oldest()], at);
    fail(echoing_.oldest(), Outcome::timeout, 0);
  }
}

void Loop::adopt(FirstConnection first) {
  ramp_.started();
  ++tally_.total;
  place(0, std::move(first.attempt), first.begun.time_since_epoch());
}

void Loop::ramp() {
  phase_ = Phase::connect;
  while (running() && !ramp_.finished()) {
    std::uint64_t room = std::min<std::uint64_t>(ramp_.room(now()), connect_batch);
    const bool more = room > 0;
    for (; room > 0; --room) open_next();
    wait_and_dispatch(more ? Nanoseconds{0} : ramp_.next_look().value_or(never));
  }
  if (ramp_.hopeless()) end_all(Outcome::not_attempted);
}

void Loop::open_next() {
  const auto index = static_cast<std::uint32_t>(next_index_++);
  const Nanoseconds begun = now();
  ramp_.started();
  ++tally_.total;
  place(index, connector_.begin(index), begun);
}

void Loop::echo() {
  if (!running()) return;
  phase_ = Phase::echo;
  paced_.reserve(tally_.open);
  for (std::uint32_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i].state == State::ready) paced_.push_back(i);
  }
  echo_start_ = now();
  const std::uint64_t total = paced_.size() * plan_.messages;
  for (std::uint64_t cursor = 0; running() && incomplete_ > 0;) {
    // A burst has one message of each connection due at the start; the others follow their echoes.
    const std::uint64_t last = plan_.pace.is_burst() ? paced_.size() : total;
    start_due(cursor, now());
    wait_and_dispatch(cursor < last ? echo_start_ + plan_.pace.due(cursor) : never);
  }
}

/// Starts what is due at `at`, at most a batch. Session k % L sends message k / L; one that still
/// waits for an echo is passed over, and sends as soon as it has it.
void Loop::start_due(std::uint64_t& cursor, Nanoseconds at) {
  const std::uint64_t live = paced_.size();
  const std::uint64_t last = plan_.pace.is_burst() ? live : live * plan_.messages;
  const std::uint64_t due = plan_.pace.due_by(at - echo_start_, last);
  for (int i = 0; i < batch && cursor < due; ++i, ++cursor) {
    const std::uint32_t index = paced_[cursor % live];
    Session& session = sessions_[index];
    if (session.state != State::ready || session.complete || session.next_message != cursor / live)
      continue;
    const Nanoseconds due_at = echo_start_ + plan_.pace.due(cursor);
    const Nanoseconds sending = now();
    if (!plan_.pace.is_burst()) tally_.lateness.record(sending - due_at);
    start_message(index, due_at, sending);
  }
}

void Loop::start_message(std::uint32_t index, Nanoseconds due, Nanoseconds at) {
  Session& session = sessions_[index];
  session.sent = 0;
  session.received = 0;
  session.due_ns = due.count();
  session.sent_ns = at.count();
  session.state = State::echoing;
  echoing_.push(index);
  ++tally_.sent;
  const Step step = exchange_.send_more(session, index);
  if (step.kind == Step::Kind::failed) apply(index, step);
}

void Loop::idle() {
  if (!running() || plan_.idle.count() == 0) return;
  phase_ = Phase::idle;
  const Nanoseconds until = now() + plan_.idle;
  while (running() && tally_.open > 0 && now() < until) wait_and_dispatch(until);
}

void Loop::drain() {
  settle_undecided();
  if (cut_ == Cut::interrupted) end_all(Outcome::interrupted);
  if (cut_ == Cut::deadline) end_all(Outcome::deadline);
  if (cut_ == Cut::server_lost) end_all(Outcome::server_lost);
  phase_ = Phase::drain;
  // A signal leaves 2 s in all, a deadline 1 s; what is over is for the report.
  const Nanoseconds hard_end =
      now() + std::chrono::milliseconds{cut_ == Cut::deadline ? 500 : 1500};
  last_event_ = now();
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    Session& session = sessions_[i];
    if (session.state != State::ready) continue;
    session.state = State::draining;
    ::shutdown(session.fd, SHUT_WR);
    if (i % batch == 0) wait_and_dispatch(Nanoseconds{0});
  }
  const bool whole = cut_ == Cut::none;
  while (tally_.open > 0 && !forced_ && now() < last_event_ + quiet_period &&
         (whole ? running() : now() < hard_end)) {
    wait_and_dispatch(last_event_ + quiet_period);
  }
  for (std::uint32_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i].state == State::draining) end(i, {Outcome::served, phase_, 0});
  }
}

}  // namespace client
