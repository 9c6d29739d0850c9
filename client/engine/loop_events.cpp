// The effect of an event on a connection, from its connect to the outcome it is counted under.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "client/engine/loop.hpp"

namespace client {
namespace {

constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/// Least time between two checks whether the server still runs.
constexpr std::chrono::milliseconds probe_pause{100};
/// Churn: time from a failed connect to the next one. An immediate retry would be a busy loop.
constexpr std::chrono::milliseconds retry_delay{10};
/// Connections ended at once between two looks at the stop and the progress: the kernel needs some
/// 10 us to close each.
constexpr std::uint32_t look_after_ending = 1'024;

}  // namespace

void Loop::dispatch(std::uint32_t index, std::uint32_t events) {
  Connection& connection = connections_[index];
  if (connection.state == State::connecting) on_connecting(index, events);
  if ((events & EPOLLOUT) != 0 && connection.writing < connection.begun) flush(index);
  // The kernel reports the end of the peer once: an echo and the FIN after it may share one event.
  const bool at_end = (events & ended_events) != 0;
  const bool readable = at_end || (events & EPOLLIN) != 0;
  for (bool again = readable;
       again && connection.fd >= 0 && connection.state != State::connecting;) {
    const IoResult io = exchange_.receive(connection, at_end);
    const int fd = connection.fd;
    apply(index, io);
    // In churn the entry may hold another connection by now.
    again = io.more && io.kind == IoResult::Kind::waiting && connection.fd == fd;
  }
}

void Loop::place(std::uint32_t index, Attempt attempt, Nanoseconds begun) {
  Connection& connection = connections_[index];
  connection.fd = attempt.socket.release();
  flight(index, 0).sent = begun;
  connection.state = State::connecting;
  next_scan_ = std::min(next_scan_, begun + plan_.connect_timeout);
  if (attempt.error != 0) return fail_connect(index, attempt.error);
  if (plan_.churn && quota_ > 0 && try_early_send(index)) return;
  epoll_.watch(connection.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, index);
}

void Loop::on_connecting(std::uint32_t index, std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(connections_[index].fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return fail_connect(index, error == 0 ? ECONNRESET : error);
  }
  if ((events & EPOLLOUT) != 0) on_established(index, now());
}

void Loop::on_established(std::uint32_t index, Nanoseconds at) {
  Connection& connection = connections_[index];
  at_ = at;
  ramp_.established();
  connection.state = State::standing;
  ++standing_;
  ++tally_.established;
  context_.concurrency.opened();
  const Nanoseconds took = at_ - flight(index, 0).sent;
  tally_.connect.record(took);
  if (took >= slow_connect) ++tally_.slow_connects;
  if (!plan_.churn || quota_ == 0) return;
  if (within_) ++tally_.connections_within;
  begin(index, at_, at_);  // even after the end: its first bytes may already be sent
  begin_next(index, at_);
  flush(index);
}

void Loop::fail_connect(std::uint32_t index, int error) {
  const Outcome outcome = [error] {
    switch (error) {
      case ECONNREFUSED:
        return Outcome::refused;
      case ETIMEDOUT:
        return Outcome::connect_timeout;
      case ECONNRESET:
        return Outcome::reset;
      case EHOSTUNREACH:
      case ENETUNREACH:
      case ENETDOWN:
        return Outcome::unreachable;
      case EADDRNOTAVAIL:
      case EAGAIN:
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return Outcome::local_limit;
      default:
        return Outcome::other_error;
    }
  }();
  outcome == Outcome::connect_timeout ? ramp_.timed_out() : ramp_.failed();
  retry_at_ = at_ + retry_delay;
  if (plan_.churn && outcome == Outcome::refused && tally_.established > 0) probe_server();
  end(index, {outcome, Phase::connect, error});
}

void Loop::apply(std::uint32_t index, const IoResult& io) {
  Connection& connection = connections_[index];
  if (io.echoes > 0) {
    on_echoes(index, io.echoes);
    if (io.kind == IoResult::Kind::waiting) {
      // In churn, after the end of the time, a connection ends with the echoes that it has.
      if (plan_.churn && over() && connection.in_flight() == 0) connection.complete = true;
      if (plan_.churn && connection.complete) return finish_connection(index);
      begin_next(index, at_);
      if (connection.writing < connection.begun) flush(index);
      return;
    }
  }
  if (io.kind == IoResult::Kind::waiting) return;
  if (io.kind == IoResult::Kind::eof) return on_eof(index);
  const bool wrong = io.outcome == Outcome::mismatch || io.outcome == Outcome::foreign;
  if (wrong && !tally_.first_mismatch) {
    tally_.first_mismatch =
        FirstMismatch{connection.number, connection.echoed, *exchange_.mismatch()};
  }
  if ((wrong || io.outcome == Outcome::extra) && tally_.protocol.empty())
    tally_.protocol = exchange_.protocol();
  if (io.outcome == Outcome::reset && connection.complete && may_end()) {
    ++tally_.late_resets;
    return end(index, {Outcome::served, phase_, 0});
  }
  fail(index, io.outcome, io.error);
}

/// The peer's FIN with no message in flight.
void Loop::on_eof(std::uint32_t index) {
  const Connection& connection = connections_[index];
  if (connection.complete && may_end()) return end(index, {Outcome::served, phase_, 0});
  fail(index, Outcome::closed_early, 0);
}

void Loop::fail(std::uint32_t index, Outcome outcome, int error) {
  const bool peer_ended_it = outcome == Outcome::reset || outcome == Outcome::closed_early ||
                             outcome == Outcome::short_echo;
  if (peer_ended_it && running()) {
    at_ = now();
    // The last end is longer ago than that: the server survived the earlier burst.
    if (at_ - last_undecided_ > probe_pause) undecided_.clear();
    last_undecided_ = at_;
    if (at_ >= next_probe_) probe_server();
    if (running()) ++undecided_[{outcome, phase_, error}];
  }
  // Its messages in flight got no echo, whatever ended the connection.
  if (outcome != Outcome::timeout && connections_[index].in_flight() > 0) record_censored(index);
  if (peer_ended_it && stop_reason_ == StopReason::server_lost) outcome = Outcome::server_lost;
  end(index, {outcome, phase_, error});
}

void Loop::probe_server() {
  next_probe_ = at_ + probe_pause;
  if (!context_.server_is_gone || !context_.server_is_gone()) return;
  stop_reason_ = StopReason::server_lost;
  for (const auto& [how, count] : undecided_) {
    tally_.reclassify(how, Outcome::server_lost, count);
  }
  undecided_.clear();
}

/// Decides whether a burst of ended connections was the end of the server: probes the server again
/// after it has had time to close its listener.
void Loop::settle_undecided() {
  const Nanoseconds until = last_undecided_ + probe_pause;
  if (undecided_.empty() || at_ > until) return;
  while (running() && at_ < until) wait_and_dispatch(until);
  if (running()) probe_server();
}

void Loop::end(std::uint32_t index, const Failure& how) {
  Connection& connection = connections_[index];
  const bool was_established =
      connection.state == State::standing || connection.state == State::draining;
  if (was_established) {
    --standing_;
    context_.concurrency.closed();
    in_flight_ -= connection.in_flight();
    overdue_.abandon(connection);
  }
  if (plan_.linger_reset && connection.fd >= 0) {
    const linger at_once{1, 0};
    ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  // The second signal leaves the rest to the kernel, which closes what is open when the process
  // ends.
  if (!forced_) echo::Descriptor{connection.fd}.reset();
  connection.fd = -1;
  connection.begun = connection.echoed;
  connection.state = State::ended;
  if (plan_.churn) vacant_.push_back(index);
  tally_.end(how);
}

/// Ends every incomplete connection, opened or not, with `outcome`. A connection must also stay
/// open through the idle phase: a server lost there makes complete connections fail too.
void Loop::end_all(Outcome outcome) {
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    const Connection& connection = connections_[i];
    if (connection.state == State::ended) continue;
    const bool lost_while_standing = phase_ == Phase::idle && outcome == Outcome::server_lost;
    if (connection.complete && !lost_while_standing) continue;
    const bool out_of_time = outcome == Outcome::deadline || outcome == Outcome::interrupted;
    if (connection.in_flight() > 0 && out_of_time) record_censored(i);
    end(i, {outcome, phase_, 0});
    if (i % look_after_ending == look_after_ending - 1) wait_and_dispatch(at_);
  }
}

}  // namespace client
