// The wait that all phases share, and the ramp, idle and drain phases.
#include "client/engine/loop.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <limits>

namespace client {
namespace {

/// Sockets opened between two reads of the events. A connect takes ~20 us, and its measured time
/// ends when its event is read: a large batch would add its own duration.
constexpr std::uint64_t connect_batch = 4;
/// Sockets closed between two reads of the events.
constexpr std::size_t close_batch = 64;
/// Sockets closed at the end between two looks at the stop and the progress: the kernel needs some
/// 10 us for each.
constexpr std::size_t look_after_closing = 1'024;
/// How long the peer of a half-closed connection may stay silent before the loop closes it.
constexpr std::chrono::milliseconds quiet_period{500};
/// Least pause between two scans for timeouts; the pause is a 256th of the timeout if that is more.
constexpr std::chrono::milliseconds least_scan_pause{1};
/// A wait shorter than this is spent polling. To sleep and wake up takes as much CPU as to poll for
/// this long (measured at one message each 25 us: 35 us per echo asleep, 38 awake), and makes the
/// next message some 25 us late on a virtual machine. With polling the next message is on time, and
/// an echo is seen when it comes. After a poll without events the loop yields the processor to
/// other threads (sched_yield(2), https://man7.org/linux/man-pages/man2/sched_yield.2.html): the
/// kernel places the server that a message wakes on its sender's processor, because it expects the
/// sender to sleep.
constexpr std::chrono::microseconds busy_poll_below{30};
/// Epoll indices of the stop's descriptors; connections have smaller ones.
constexpr std::uint32_t drain_index = Connection::none;
constexpr std::uint32_t force_index = Connection::none - 1;

/// In churn the number of connects is unlimited.
std::uint64_t connects_of(const Plan& plan) {
  return plan.churn ? std::numeric_limits<std::uint64_t>::max() : plan.connections;
}

/// The next of the times at which the leader reads the progress, after `at`. Posted at other times,
/// each progress would be read an interval late.
Nanoseconds next_post_time(const Plan& plan, Nanoseconds at) {
  if (plan.post_every == never) return never;
  return plan.post_from + plan.post_every * ((at - plan.post_from) / plan.post_every + 1);
}

}  // namespace

Loop::Loop(const Plan& plan, const LoopContext& context, ProgressSlot& progress_slot)
    : plan_(plan),
      context_(context),
      progress_slot_(progress_slot),
      exchange_(context.payload, context.sizes),
      ramp_(connects_of(plan), plan.connections),
      depth_(plan.depth),
      connections_(plan.connections),
      flights_(plan.depth > 1 ? std::size_t{plan.connections} * plan.depth : 0),
      at_(now()),
      next_post_(next_post_time(plan, at_)) {
  if (plan.keep_interval) interval_.emplace();
  epoll_.watch(context.stop.drain_fd(), EPOLLIN | EPOLLET, drain_index);
  epoll_.watch(context.stop.force_fd(), EPOLLIN | EPOLLET, force_index);
}

Loop::~Loop() {
  for (Connection& connection : connections_) echo::Descriptor{connection.fd};
}

void Loop::wait_and_dispatch(Nanoseconds until) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written by the kernel
  std::array<epoll_event, 512> events;
  // A deadline that has already stopped the run must not shorten the waits of the drain.
  const Nanoseconds deadline = running() ? plan_.deadline_at : never;
  const Nanoseconds wake = std::min({until, next_scan_, deadline, next_post_, next_edge_});
  const bool soon = wake - at_ < busy_poll_below;
  const auto left = soon ? Nanoseconds{0} : wake - at_;
  const int count = epoll_.wait(events, left);
  const bool empty_poll = soon && count == 0;
  if (empty_poll && wake > at_) ::sched_yield();
  update_clock();
  if (within_ && !empty_poll) ++tally_.waits_within;
  if (count > 0) last_event_ = at_;
  dispatch_all({events.data(), static_cast<std::size_t>(count)});
  if (at_ >= next_scan_) [[unlikely]] {
    read_what_is_ready(events);
    expire();
  }
  check_limits();
}

/// Reads the events that are ready now, before anything times out: an echo that came while this
/// process was away, or that waits behind a full batch, is not late. Each connection has at most
/// one event, so the number of reads is bounded.
void Loop::read_what_is_ready(std::span<epoll_event> events) {
  for (std::size_t reads = connections_.size() / events.size() + 1; reads > 0; --reads) {
    const int count = epoll_.wait(events, Nanoseconds{0});
    if (count <= 0) return;
    update_clock();
    last_event_ = at_;
    dispatch_all(events.first(static_cast<std::size_t>(count)));
  }
}

void Loop::dispatch_all(std::span<const epoll_event> events) {
  for (const epoll_event& event : events) {
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
}

void Loop::stop(StopReason reason) {
  stop_reason_ = reason;
  stopped_at_ = at_;
}

void Loop::check_limits() {
  if (stop_reason_ == StopReason::none && stop_requested_) stop(StopReason::interrupted);
  if (at_ >= plan_.deadline_at && stop_reason_ == StopReason::none) stop(StopReason::deadline);
  if (at_ >= next_post_) {
    next_post_ += plan_.post_every * ((at_ - next_post_) / plan_.post_every + 1);
    post();
  }
}

void Loop::post() {
  const Progress counts{name_of(phase_), standing_, tally_.established,  tally_.failed(),
                        sent_,           verified_, exchange_.received()};
  interval_ ? progress_slot_.post(counts, *interval_) : progress_slot_.post(counts);
}

/// Scans all connections that wait. A wait that begins after the scan expires at least one timeout
/// later, so the next scan is due when the oldest of the current waits expires. Without timeouts
/// that is about one scan per timeout, and it adds no work to an echo. Time in which this process
/// did not run does not count: nobody could have read an echo.
void Loop::expire() {
  Nanoseconds soonest = at_ + std::min(plan_.timeout, plan_.connect_timeout);
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    const Connection& connection = connections_[i];
    const bool connecting = connection.state == State::connecting;
    if (!connecting && connection.in_flight() == 0) continue;
    const Nanoseconds began = flight(i, connection.echoed).sent;
    Nanoseconds expires = began + (connecting ? plan_.connect_timeout : plan_.timeout);
    if (expires <= at_ && context_.heartbeat != nullptr)
      expires += context_.heartbeat->within(began, at_).sum;
    expires <= at_ ? expire_one(i) : void(soonest = std::min(soonest, expires));
  }
  const Nanoseconds pause = std::max<Nanoseconds>(plan_.timeout / 256, least_scan_pause);
  next_scan_ = std::max(soonest, at_ + pause);
}

void Loop::expire_one(std::uint32_t index) {
  if (connections_[index].state == State::connecting) {
    ramp_.timed_out();
    return end(index, {Outcome::connect_timeout, Phase::connect, 0});
  }
  if (connections_[index].received > 0) ++tally_.partial_timeouts;
  record_censored(index);
  fail(index, Outcome::timeout, 0);
}

void Loop::adopt(FirstConnection first) {
  ramp_.started();
  ++tally_.total;
  const std::uint32_t index = next_index_++;
  connections_[index].number = 0;
  const bool stands = first.attempt.error == 0 && first.stood;
  place(index, std::move(first.attempt), first.begun.time_since_epoch());
  // Client and server were sampled since then; that time is not part of the connect.
  if (stands) on_established(index, first.stood->time_since_epoch());
}

void Loop::ramp() {
  phase_ = Phase::connect;
  const Nanoseconds start = at_ = now();
  while (running() && !ramp_.finished()) {
    std::uint64_t room = std::min<std::uint64_t>(ramp_.room(at_), connect_batch);
    Nanoseconds next = room > 0 ? at_ : ramp_.next_check().value_or(never);
    for (; room > 0; --room) {
      if (plan_.connects) {
        next = start + plan_.connects->due();
        if (next > at_) break;
        plan_.connects->advance();
      }
      open_next();
    }
    wait_and_dispatch(next);
  }
  if (ramp_.hopeless()) end_all(Outcome::not_attempted);
}

void Loop::open_next() {
  const std::uint32_t index = next_index_++;
  connections_[index].number = plan_.first + index * plan_.stride;
  open_at(index);
}

void Loop::open_at(std::uint32_t index) {
  const Nanoseconds begun = now();
  ramp_.started();
  ++tally_.total;
  place(index, context_.connector.begin(connections_[index].number), begun);
}

void Loop::idle(Nanoseconds until) {
  phase_ = Phase::idle;
  at_ = now();
  while (running() && standing_ > 0 && at_ < until) wait_and_dispatch(until);
}

void Loop::drain() {
  at_ = now();
  settle_undecided();
  if (stop_reason_ == StopReason::interrupted) end_all(Outcome::interrupted);
  if (stop_reason_ == StopReason::deadline) end_all(Outcome::deadline);
  if (stop_reason_ == StopReason::server_lost) end_all(Outcome::server_lost);
  phase_ = Phase::drain;
  // A signal leaves 2 s in all, a deadline 1 s; the rest of it is for the report.
  const Nanoseconds hard_end =
      std::min(at_, stopped_at_) +
      std::chrono::milliseconds{stop_reason_ == StopReason::deadline ? 500 : 1500};
  last_event_ = at_;
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = connections_[i];
    if (connection.state != State::standing) continue;
    if (plan_.linger_reset) {  // nothing can be received after a RST
      end(i, {Outcome::served, phase_, 0});
      continue;
    }
    connection.state = State::draining;
    ::shutdown(connection.fd, SHUT_WR);
    if (i % close_batch == 0) wait_and_dispatch(at_);
  }
  const bool whole = stop_reason_ == StopReason::none;
  while (standing_ > 0 && !forced_ && at_ < last_event_ + quiet_period &&
         (whole ? running() : at_ < hard_end)) {
    wait_and_dispatch(last_event_ + quiet_period);
  }
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i].state == State::draining) end(i, {Outcome::served, phase_, 0});
    if (i % look_after_closing == look_after_closing - 1) wait_and_dispatch(at_);
  }
}

}  // namespace client
