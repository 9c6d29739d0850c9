// How the connections of a table end, and how one goes on with another socket.
#include <sys/socket.h>

#include "client/engine/connection_table.hpp"

namespace client {

// ---- ends ---------------------------------------------------------------------------------------

void ConnectionTable::half_close(std::uint32_t index) {
  if (connections_[index].fd < 0) return end(index, {Outcome::served, Phase::drain, 0});
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
                             outcome == Outcome::short_echo ||
                             outcome == Outcome::stale_connection ||
                             outcome == Outcome::closed_by_server || outcome == Outcome::refused;
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

void ConnectionTable::close_socket(const Connection& connection) const {
  if (plan_.linger_reset && connection.fd >= 0) {
    const linger at_once{1, 0};
    ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  // The second signal leaves the rest to the kernel, which closes what is open when the process
  // ends.
  if (!forced_) echo::Descriptor{connection.fd}.reset();
}

void ConnectionTable::end(std::uint32_t index, const Failure& how) {
  Connection& connection = connections_[index];
  const bool was_established =
      connection.state == State::standing || connection.state == State::draining;
  if (was_established) {
    --standing_;
    if (connection.fd >= 0) context_.concurrency.closed();
    in_flight_ -= connection.in_flight();
    retransmissions_.closing(connection);
  }
  close_socket(connection);
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

// ---- reconnecting -------------------------------------------------------------------------------
// HTTP servers close connections on which no request waits: after so many requests, or after some
// time without one, the first included. The entry stays established, without a socket. The next
// message opens another one, and its latency includes the connect. So no activity has to know of
// it. A socket that was opened again has a message in flight: if its server closes it without a
// response, the connection fails.

bool ConnectionTable::may_reopen(const Connection& connection) const {
  if (phase_ != Phase::echo && phase_ != Phase::connect) return false;
  if (plan_.reconnects == Reconnects::never) return false;
  return plan_.reconnects == Reconnects::always || !connection.complete;
}

/// The messages answered so far are the last ones of this socket.
void ConnectionTable::on_closes(std::uint32_t index) {
  Connection& connection = connections_[index];
  if (may_reopen(connection)) {
    put_off(index);
    activity_->on_echoes(index);
    // Messages sent behind the one that the server answered last, which ignores them (RFC 9112,
    // 9.6).
    if (connection.fd < 0 && connection.in_flight() > 0) flush(index);
  } else if (connection.complete) {
    activity_->on_echoes(index);
    // The peer's FIN may have been read already, as the end of a response without a length.
    if (connection.fd >= 0) apply(index, transport_.receive(connection, true));
  } else {
    fail(index, Outcome::closed_by_server, 0);
  }
}

void ConnectionTable::put_off(std::uint32_t index) {
  Connection& connection = connections_[index];
  // In other phases the next message shows whether the server still exists; a ramp may be long.
  if (phase_ == Phase::connect && running()) {
    at_ = now();
    if (server_probe_.wants_probe(at_)) probe_server();
  }
  retransmissions_.closing(connection);
  close_socket(connection);
  context_.concurrency.closed();
  connection.fd = -1;
  connection.stamped = false;
  connection.echoed_before = connection.echoed;
  connection.writing = connection.echoed;
  connection.written = connection.received = 0;
}

void ConnectionTable::reopen(std::uint32_t index) {
  Connection& connection = connections_[index];
  ++tally_.reconnects;
  const Handshake handshake = handshakes_.begin(connection);
  if (connection.fd >= 0) context_.concurrency.opened();
  if (handshake.progress == Handshake::Progress::failed)
    return fail(index, outcome_of_connect(handshake.error), handshake.error);
  transport_.sampler().established(connection.number / plan_.stride, connection);
  // Over loopback the connect is complete already; elsewhere its event leads here again.
  if (watch(index, true)) flush(index);
}

/// Messages could not be sent: the entry has no socket now, or its peer has ended the connection. A
/// server that refuses a request may answer before it has read all of it, and its RST follows.
void ConnectionTable::on_unsent(std::uint32_t index, IoResult io) {
  Connection& connection = connections_[index];
  if (connection.fd < 0) return reopen(index);
  if (context_.http != nullptr) {
    const IoResult answer = transport_.receive(connection, true);
    const bool refused =
        answer.kind == IoResult::Kind::failed &&
        (answer.outcome == Outcome::status_4xx || answer.outcome == Outcome::status_5xx ||
         answer.outcome == Outcome::status_other);
    // Responses count; the end of the connection is then found by the next receive.
    if (refused || answer.echoes > 0) return apply(index, answer);
    // A part of the response has come.
    if (io.outcome == Outcome::stale_connection && connection.received > 0)
      io.outcome = Outcome::reset;
  }
  apply(index, io);
}

}  // namespace client
