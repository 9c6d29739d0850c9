#include "client/engine/connection_table.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

namespace client {
namespace {

constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

}  // namespace

ConnectionTable::ConnectionTable(const Plan& plan, const LoopContext& context, EventWait& events,
                                 Timeouts& timeouts)
    : Table(plan.connections, plan.depth, plan.keep_interval,
            [this] { return transport_.received(); }),
      plan_(plan),
      context_(context),
      transport_(EchoExchange{context.payload, context.sizes}),
      handshakes_(context.connector, transport_, events),
      timeouts_(timeouts),
      server_probe_(context.server_is_gone),
      retransmissions_(plan.retransmissions_of_each, plan.stride),
      activity_(&no_activity_) {
  at_ = now();
  if (plan.receive_lateness) {
    transport_.sampler().begin(plan.connections,
                               [this](Nanoseconds late) { recorder_.received(late); });
  }
}

ConnectionTable::~ConnectionTable() {
  for (Connection& connection : connections_) echo::Descriptor{connection.fd};
}

void ConnectionTable::pass_events_to(Activity* activity) {
  activity_ = activity != nullptr ? activity : &no_activity_;
  if (activity != nullptr) phase_ = activity->phase();
}

void ConnectionTable::tick() {
  at_ = now();
  recorder_.advance(at_);
}

void ConnectionTable::check_limits(Nanoseconds deadline_at) {
  if (stop_requested_) stop(StopReason::interrupted);
  if (at_ >= deadline_at) stop(StopReason::deadline);
}

void ConnectionTable::on_events(std::uint32_t index, std::uint32_t events) {
  Connection& connection = connections_[index];
  if (connection.state == State::connecting) advance(index, Handshakes::after(connection, events));
  if ((events & EPOLLOUT) != 0 && connection.writing < connection.begun) flush(index);
  // The kernel reports the end of the peer once: an echo and the FIN after it may share one event.
  const bool at_end = (events & ended_events) != 0;
  const bool readable = at_end || (events & EPOLLIN) != 0;
  for (bool again = readable;
       again && connection.fd >= 0 && connection.state != State::connecting;) {
    const IoResult io = transport_.receive(connection, at_end);
    apply(index, io);
    again = io.more && io.kind == IoResult::Kind::waiting;
  }
}

void ConnectionTable::expire(std::uint32_t index) {
  if (connections_[index].state == State::connecting) {
    activity_->on_connect_failed(index, Outcome::connect_timeout);
    return end(index, {Outcome::connect_timeout, Phase::connect, 0});
  }
  if (connections_[index].received > 0) ++tally_.partial_timeouts;
  record_censored(index);
  fail(index, Outcome::timeout, 0);
}

// ---- connecting ---------------------------------------------------------------------------------

void ConnectionTable::adopt(FirstConnection first) {
  const std::uint32_t index = used_;
  const bool stands = first.attempt.error == 0 && first.stood;
  enter(index, 0, first.begun.time_since_epoch());
  if (!took_off(index, Handshakes::take(connections_[index], std::move(first.attempt)))) return;
  // Client and server were sampled since then; that time is not part of the connect.
  if (watch(index, true) && stands) on_established(index, first.stood->time_since_epoch());
}

void ConnectionTable::open(std::uint32_t index, std::uint32_t number) {
  enter(index, number, now());
  if (took_off(index, handshakes_.begin(connections_[index]))) watch(index, true);
}

/// The socket is registered only when there is an echo to wait for: most connections need no wait
/// for the connect.
void ConnectionTable::open_and_send(std::uint32_t index, std::uint32_t number) {
  enter(index, number, now());
  Connection& connection = connections_[index];
  if (!took_off(index, handshakes_.begin(connection))) return;
  const Handshake handshake = handshakes_.send_first(connection);
  advance(index, handshake);
  if (connection.fd < 0) return;
  const bool all_written = handshake.progress == Handshake::Progress::established &&
                           connection.writing == connection.begun && connection.begun == quota_;
  watch(index, !all_written);
}

/// Returns false if the socket could not be registered, which ends this connection only.
bool ConnectionTable::watch(std::uint32_t index, bool for_writing) {
  const Connection& connection = connections_[index];
  const int error = handshakes_.watch(connection, index, for_writing);
  if (error == 0) return true;
  if (connection.state == State::connecting)
    fail_connect(index, error);
  else
    fail(index, Outcome::local_limit, error);
  return false;
}

/// A connect was begun. Returns whether it is still pending.
bool ConnectionTable::took_off(std::uint32_t index, const Handshake& handshake) {
  timeouts_.connect_begun(flight(index, 0).sent);
  advance(index, handshake);
  return connections_[index].state == State::connecting;
}

void ConnectionTable::advance(std::uint32_t index, const Handshake& handshake) {
  switch (handshake.progress) {
    case Handshake::Progress::pending:
      return;
    case Handshake::Progress::established:
      return on_established(index, now());
    case Handshake::Progress::failed:
      return fail_connect(index, handshake.error);
  }
}

void ConnectionTable::on_established(std::uint32_t index, Nanoseconds at) {
  establish(index, at);
  Connection& connection = connections_[index];
  transport_.sampler().established(connection.number / plan_.stride, connection);
  context_.concurrency.opened();
  activity_->on_established(index);
}

void ConnectionTable::fail_connect(std::uint32_t index, int error) {
  const Outcome outcome = outcome_of_connect(error);
  activity_->on_connect_failed(index, outcome);
  end(index, {outcome, Phase::connect, error});
}

// ---- messages -----------------------------------------------------------------------------------

void ConnectionTable::flush(std::uint32_t index) {
  Connection& connection = connections_[index];
  const IoResult io = transport_.send_more(connection);
  if (io.kind == IoResult::Kind::failed) return apply(index, io);
  if (connection.writing == fin_after_) ::shutdown(connection.fd, SHUT_WR);
}

void ConnectionTable::apply(std::uint32_t index, const IoResult& io) {
  if (io.echoes > 0) {
    on_echoes(index, io.echoes);
    if (io.kind == IoResult::Kind::waiting) return activity_->on_echoes(index);
  }
  if (io.kind == IoResult::Kind::waiting) return;
  if (io.kind == IoResult::Kind::eof) return on_eof(index);
  const Connection& connection = connections_[index];
  const bool wrong = io.outcome == Outcome::mismatch || io.outcome == Outcome::foreign;
  if (wrong && !tally_.first_mismatch) {
    tally_.first_mismatch =
        FirstMismatch{connection.number, connection.echoed, *transport_.mismatch()};
  }
  if ((wrong || io.outcome == Outcome::extra) && tally_.protocol.empty())
    tally_.protocol = transport_.protocol();
  if (io.outcome == Outcome::reset && activity_->may_end(connection)) {
    ++tally_.late_resets;
    return end(index, {Outcome::served, phase_, 0});
  }
  fail(index, io.outcome, io.error);
}

void ConnectionTable::on_echoes(std::uint32_t index, std::uint32_t echoes) {
  Connection& connection = connections_[index];
  tick();
  for (std::uint32_t message = connection.echoed - echoes; message != connection.echoed;
       ++message) {
    recorder_.echoed(flight(index, message), at_, transport_.verified_bytes(connection, message));
  }
  in_flight_ -= echoes;
  if (connection.echoed == quota_) connection.complete = true;
}

/// The peer's FIN with no message in flight.
void ConnectionTable::on_eof(std::uint32_t index) {
  if (activity_->may_end(connections_[index])) return end(index, {Outcome::served, phase_, 0});
  fail(index, Outcome::closed_early, 0);
}

/// Records all messages in flight as censored: a message that timed out took at least this long,
/// and so did those that wait after it.
void ConnectionTable::record_censored(std::uint32_t index) {
  const Connection& connection = connections_[index];
  for (std::uint32_t message = connection.echoed; message != connection.begun; ++message)
    recorder_.censored(flight(index, message).due, at_);
}

// ---- ends ---------------------------------------------------------------------------------------

void ConnectionTable::half_close(std::uint32_t index) {
  connections_[index].state = State::draining;
  ::shutdown(connections_[index].fd, SHUT_WR);
}

void ConnectionTable::finish(std::uint32_t index) {
  const IoResult io = transport_.receive(connections_[index], false);
  if (io.kind == IoResult::Kind::failed) return apply(index, io);
  end(index, {Outcome::served, Phase::drain, 0});
}

void ConnectionTable::fail(std::uint32_t index, Outcome outcome, int error) {
  const bool peer_ended_it = outcome == Outcome::reset || outcome == Outcome::closed_early ||
                             outcome == Outcome::short_echo;
  if (peer_ended_it && running()) {
    at_ = now();
    if (server_probe_.wants_probe(at_)) probe_server();
    if (running()) server_probe_.record({outcome, phase_, error});
  }
  // Its messages in flight got no echo, whatever ended the connection.
  if (outcome != Outcome::timeout && connections_[index].in_flight() > 0) record_censored(index);
  if (peer_ended_it && stop_reason() == StopReason::server_lost) outcome = Outcome::server_lost;
  end(index, {outcome, phase_, error});
}

void ConnectionTable::probe_server() {
  if (!server_probe_.probe(at_)) return;
  stop(StopReason::server_lost);
  for (const auto& [how, count] : server_probe_.take_undecided())
    tally_.reclassify(how, Outcome::server_lost, count);
}

void ConnectionTable::end(std::uint32_t index, const Failure& how) {
  Connection& connection = connections_[index];
  const bool was_established =
      connection.state == State::standing || connection.state == State::draining;
  if (was_established) {
    --standing_;
    context_.concurrency.closed();
    in_flight_ -= connection.in_flight();
    retransmissions_.closing(connection);
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
  tally_.end(how);
  activity_->on_end(index);
}

void ConnectionTable::end_incomplete(std::uint32_t index, Outcome outcome, bool also_complete) {
  const Connection& connection = connections_[index];
  if (connection.state == State::ended || (connection.complete && !also_complete)) return;
  const bool out_of_time = outcome == Outcome::deadline || outcome == Outcome::interrupted;
  if (connection.in_flight() > 0 && out_of_time) record_censored(index);
  end(index, {outcome, phase_, 0});
}

}  // namespace client
