#include "client/engine/connection_table.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "client/connection/http_exchange.hpp"

namespace client {
namespace {

constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/// Of one connection in a row, 64 KiB each.
constexpr unsigned most_reads = 16;

std::unique_ptr<Transport> other_transport(const LoopContext& context) {
  if (context.http == nullptr) return nullptr;
  return std::make_unique<KernelTransport<HttpExchange>>(
      HttpExchange{*context.http, context.payload, context.sizes});
}

}  // namespace

ConnectionTable::ConnectionTable(const Plan& plan, const LoopContext& context, EventWait& events,
                                 Timeouts& timeouts)
    : Table(plan.connections, plan.depth, plan.keep_interval,
            [this] { return transport_.received(); }),
      plan_(plan),
      context_(context),
      transport_(EchoExchange{context.payload, context.sizes}, other_transport(context)),
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
  if (connection.state != State::standing) [[unlikely]] {
    if (connection.state == State::connecting)
      advance(index, Handshakes::after(connection, events));
    if (connection.fd < 0 || connection.state == State::connecting) return;
  }
  if ((events & EPOLLOUT) != 0 && connection.writing < connection.begun) {
    flush(index);
    if (connection.fd < 0) return;
  }
  // The kernel reports the end of the peer once: an echo and the FIN after it may share one event.
  const bool at_end = (events & ended_events) != 0;
  if (!at_end && (events & EPOLLIN) == 0) return;
  if (transport_.other() != nullptr) [[unlikely]]
    return receive_other(index, at_end);
  receive_by(transport_.echo(), index, at_end);
}

template <class T>
void ConnectionTable::receive_by(T& transport, std::uint32_t index, bool at_end) {
  const IoResult io = transport.receive(connections_[index], at_end);
  apply(index, io);
  if (io.more && io.kind == IoResult::Kind::waiting) receive_more_by(transport, index, at_end);
}

/// Reads what is left, but not for ever where the peer sends as fast as this end reads: it is then
/// continued after the events of other connections.
template <class T>
void ConnectionTable::receive_more_by(T& transport, std::uint32_t index, bool at_end) {
  Connection& connection = connections_[index];
  for (unsigned reads = 1;; ++reads) {
    if (connection.fd < 0 || connection.state == State::connecting) return;
    if (reads == most_reads) break;
    const IoResult io = transport.receive(connection, at_end);
    apply(index, io);
    if (!io.more || io.kind != IoResult::Kind::waiting) return;
  }
  if (const int error = handshakes_.watch_again(connection, index); error != 0)
    fail(index, Outcome::local_limit, error);
}

void ConnectionTable::receive_other(std::uint32_t index, bool at_end) {
  receive_by(*transport_.other(), index, at_end);
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
  if (transport_.other() != nullptr) [[unlikely]]
    return flush_other(index);
  flush_by(transport_.echo(), index);
}

void ConnectionTable::flush_other(std::uint32_t index) {
  flush_by(*transport_.other(), index);
}

template <class T>
void ConnectionTable::flush_by(T& transport, std::uint32_t index) {
  Connection& connection = connections_[index];
  const IoResult io = transport.send_more(connection);
  if (io.kind == IoResult::Kind::failed) [[unlikely]]
    return on_unsent(index, io);
  if (connection.writing == fin_after_) ::shutdown(connection.fd, SHUT_WR);
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

void ConnectionTable::apply(std::uint32_t index, const IoResult& io) {
  if (io.echoes > 0) {
    on_echoes(index, io.echoes);
    if (io.kind == IoResult::Kind::waiting) return activity_->on_echoes(index);
  }
  if (io.kind != IoResult::Kind::waiting) end_by(index, io);
}

/// The peer has ended the connection, or was wrong.
void ConnectionTable::end_by(std::uint32_t index, const IoResult& io) {
  if (connections_[index].fd < 0) return;  // it has ended already, or waits for another socket
  if (io.kind == IoResult::Kind::eof) return on_eof(index);
  if (io.kind == IoResult::Kind::closes) return on_closes(index);
  const Connection& connection = connections_[index];
  const bool wrong = io.outcome == Outcome::mismatch || io.outcome == Outcome::foreign;
  if (wrong && !tally_.first_mismatch) {
    tally_.first_mismatch =
        FirstMismatch{connection.number, connection.echoed, *transport_.mismatch()};
  }
  const bool no_response = io.outcome == Outcome::parse_error;
  if (no_response && !tally_.first_fault)
    tally_.first_fault = FirstFault{connection.number, connection.echoed, transport_.fault()};
  if ((wrong || no_response || io.outcome == Outcome::extra) && tally_.protocol.empty())
    tally_.protocol = transport_.protocol();
  if (io.outcome == Outcome::reset && activity_->may_end(connection)) {
    ++tally_.late_resets;
    return end(index, {Outcome::served, phase_, 0});
  }
  if (io.outcome == Outcome::reset && connection.in_flight() == 0 && may_reopen(connection))
    return put_off(index);
  fail(index, io.outcome, io.error);
}

/// The peer's FIN with no message in flight.
void ConnectionTable::on_eof(std::uint32_t index) {
  const Connection& connection = connections_[index];
  if (may_reopen(connection)) return put_off(index);
  if (activity_->may_end(connection)) return end(index, {Outcome::served, phase_, 0});
  const bool was_used = context_.http != nullptr && connection.echoed > 0;
  fail(index, was_used ? Outcome::closed_by_server : Outcome::closed_early, 0);
}

/// Records all messages in flight as censored: a message that timed out took at least this long,
/// and so did those that wait after it.
void ConnectionTable::record_censored(std::uint32_t index) {
  const Connection& connection = connections_[index];
  for (std::uint32_t message = connection.echoed; message != connection.begun; ++message)
    recorder_.censored(flight(index, message).due, at_);
}

}  // namespace client
