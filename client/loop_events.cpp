// What an event does to a session: from its connect to the bucket in which it ends.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "client/loop.hpp"

namespace client {
namespace {

constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/// Between two looks whether the server is still there.
constexpr std::chrono::milliseconds probe_pause{100};

}  // namespace

void Loop::dispatch(std::uint32_t index, std::uint32_t events) {
  Session& session = sessions_[index];
  if (session.state == State::connecting) on_connecting(index, events);
  if (session.state == State::echoing && session.sent < exchange_.payload().size()) {
    const Step step = exchange_.send_more(session, index);
    if (step.kind == Step::Kind::failed) apply(index, step);
  }
  // The kernel tells a peer's end once: an echo and the FIN behind it may share one event.
  const bool at_end = (events & ended_events) != 0;
  const bool readable = at_end || (events & EPOLLIN) != 0;
  for (bool again = readable; again && session.fd >= 0 && session.state != State::connecting;) {
    const Step step = exchange_.receive(session, index, at_end);
    apply(index, step);
    again = at_end && step.kind == Step::Kind::echoed;
  }
}

void Loop::place(std::uint32_t index, Attempt attempt, Nanoseconds begun) {
  Session& session = sessions_[index];
  session.fd = attempt.socket.release();
  session.sent_ns = begun.count();
  session.state = State::connecting;
  if (attempt.error != 0) return fail_connect(index, attempt.error);
  connecting_.push(index);
  watch(session.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, index);
}

void Loop::on_connecting(std::uint32_t index, std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(sessions_[index].fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return fail_connect(index, error == 0 ? ECONNRESET : error);
  }
  if ((events & EPOLLOUT) != 0) on_established(index);
}

void Loop::on_established(std::uint32_t index) {
  Session& session = sessions_[index];
  connecting_.remove(index);
  ramp_.established();
  session.state = State::ready;
  tally_.opened();
  ++incomplete_;
  const Nanoseconds took = now() - Nanoseconds{session.sent_ns};
  tally_.connect.record(took);
  if (took >= slow_connect) ++tally_.slow_connects;
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
  end(index, {outcome, Phase::connect, error});
}

void Loop::on_echoed(std::uint32_t index) {
  Session& session = sessions_[index];
  const Nanoseconds at = now();
  echoing_.remove(index);
  session.state = State::ready;
  ++tally_.verified;
  tally_.bytes_verified += exchange_.payload().size();
  tally_.echo.record(at - Nanoseconds{session.due_ns});
  if (!plan_.pace.is_burst()) tally_.wire.record(at - Nanoseconds{session.sent_ns});
  if (++session.next_message == plan_.messages) {
    session.complete = true;
    --incomplete_;
    return;
  }
  if (!running()) return;
  if (plan_.pace.is_burst()) return start_message(index, at, at);
  const auto place = std::lower_bound(paced_.begin(), paced_.end(), index) - paced_.begin();
  const std::uint64_t k = session.next_message * paced_.size() + static_cast<std::uint64_t>(place);
  const Nanoseconds due = echo_start_ + plan_.pace.due(k);
  if (due <= at) start_message(index, due, at);  // it was due while the last echo was awaited
}

void Loop::apply(std::uint32_t index, const Step& step) {
  switch (step.kind) {
    case Step::Kind::waiting:
      return;
    case Step::Kind::echoed:
      return on_echoed(index);
    case Step::Kind::eof:
      return on_eof(index);
    case Step::Kind::failed:
      break;
  }
  Session& session = sessions_[index];
  if (step.mismatch && !tally_.first_mismatch) {
    tally_.first_mismatch = FirstMismatch{index, session.next_message, *step.mismatch};
  }
  if (step.outcome == Outcome::reset && session.complete && phase_ != Phase::idle) {
    ++tally_.late_resets;
    return end(index, {Outcome::served, phase_, 0});
  }
  fail(index, step.outcome, step.error);
}

/// The peer's FIN with no message in flight.
void Loop::on_eof(std::uint32_t index) {
  const Session& session = sessions_[index];
  if (session.complete && phase_ != Phase::idle) return end(index, {Outcome::served, phase_, 0});
  fail(index, Outcome::closed_early, 0);
}

/// A message that timed out took at least this long, and so did those that were due behind it.
void Loop::record_censored(const Session& session, Nanoseconds at) {
  tally_.echo.record_censored(at - Nanoseconds{session.due_ns});
  if (plan_.pace.is_burst()) return;
  const auto index = static_cast<std::uint32_t>(&session - sessions_.data());
  const auto place = std::lower_bound(paced_.begin(), paced_.end(), index) - paced_.begin();
  for (std::uint64_t message = session.next_message + 1U; message < plan_.messages; ++message) {
    const Nanoseconds due =
        echo_start_ + plan_.pace.due(message * paced_.size() + static_cast<std::uint64_t>(place));
    if (due >= at) break;
    tally_.echo.record_censored(at - due);
  }
}

void Loop::fail(std::uint32_t index, Outcome outcome, int error) {
  const bool peer_ended_it = outcome == Outcome::reset || outcome == Outcome::closed_early ||
                             outcome == Outcome::short_echo;
  if (peer_ended_it && running()) {
    const Nanoseconds at = now();
    if (at - last_undecided_ > probe_pause) undecided_.clear();  // an older burst: it survived that
    last_undecided_ = at;
    if (at >= next_probe_) look_for_server(at);
    if (running()) ++undecided_[{outcome, phase_, error}];
  }
  if (peer_ended_it && cut_ == Cut::server_lost) outcome = Outcome::server_lost;
  end(index, {outcome, phase_, error});
}

void Loop::look_for_server(Nanoseconds at) {
  next_probe_ = at + probe_pause;
  if (!hooks_.server_is_gone || !hooks_.server_is_gone()) return;
  cut_ = Cut::server_lost;
  for (const auto& [how, count] : undecided_) {
    tally_.reclassify(how, Outcome::server_lost, count);
  }
  undecided_.clear();
}

/// The last word on a burst of ends that may have been the server's own end: asked once more when
/// it has had the time to close its listener.
void Loop::settle_undecided() {
  const Nanoseconds until = last_undecided_ + probe_pause;
  if (undecided_.empty() || now() > until) return;
  while (running() && now() < until) wait_and_dispatch(until);
  if (running()) look_for_server(now());
}

void Loop::end(std::uint32_t index, const Failure& how) {
  Session& session = sessions_[index];
  const bool was_established = session.state != State::unopened &&
                               session.state != State::connecting && session.state != State::ended;
  if (session.state == State::connecting) connecting_.remove(index);
  if (session.state == State::echoing) echoing_.remove(index);
  if (was_established) {
    --tally_.open;
    if (!session.complete) --incomplete_;
  }
  echo::Descriptor{session.fd};
  session.fd = -1;
  session.state = State::ended;
  tally_.end(how);
}

/// Puts every session that has not done what it was to do, opened or not, into one bucket. To stand
/// through the idle time is part of it, and a lost server let nobody stand.
void Loop::end_all(Outcome outcome) {
  for (std::uint32_t i = 0; i < sessions_.size(); ++i) {
    const Session& session = sessions_[i];
    if (session.state == State::ended) continue;
    const bool lost_while_standing = phase_ == Phase::idle && outcome == Outcome::server_lost;
    if (session.complete && !lost_while_standing) continue;
    if (session.state == State::echoing && outcome == Outcome::deadline)
      record_censored(session, now());
    end(i, {outcome, phase_, 0});
  }
}

}  // namespace client
