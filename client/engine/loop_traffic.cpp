// Messages on established connections, in a closed or an open loop.
//
// Closed loop: each connection keeps `depth` messages in flight; the next one waits for an echo.
// Open loop: messages become due by the pace, round-robin over the connections. A message whose
// connection has `depth` in flight waits in the OverdueQueue; its latency still starts at its due
// time.
#include <algorithm>
#include <limits>

#include "client/engine/loop.hpp"

namespace client {
namespace {

/// Sockets sent on between two reads of the events.
constexpr int send_batch = 64;
/// The same at the start of a stream: some 100 ms of sending, for which a signal may have to wait.
constexpr std::size_t stream_batch = 16'384;
/// A message that the client sends this long after its due time counts as late.
constexpr std::chrono::milliseconds clearly_late{1};
/// How long to wait after a signal, or after the deadline, for the echoes in flight. Together with
/// the drain that follows it stays within 1.5 s and 0.5 s.
constexpr std::chrono::milliseconds await_after_signal{1'000};
constexpr std::chrono::milliseconds await_after_deadline{250};
/// Number of unsent messages up to which each is recorded separately.
constexpr std::uint64_t most_apart = 1'000'000;

}  // namespace

void Loop::exchange(const Traffic& traffic) {
  if (!running()) return;
  phase_ = Phase::echo;
  begin_traffic(traffic);
  while (running() && at_ < traffic_.start) wait_and_dispatch(traffic_.start);
  update_clock();  // a loop that started late has not waited
  if (!traffic_.pace) {
    start_closed();
    while (running() && in_flight_ > 0) wait_and_dispatch(never);
  } else {
    while (running() && standing_ > 0) {
      if (!over()) start_due();
      const bool all_begun = over() || (cursor_ >= total_ && overdue_.waiting() == 0);
      if (all_begun && in_flight_ == 0) break;
      const Nanoseconds due = cursor_ < total_ ? traffic_.start + traffic_.pace->due() : never;
      wait_and_dispatch(over() ? never : std::min(due, traffic_.stop_at));
    }
  }
  await_echoes();
  end_traffic();
}

/// After a signal or the deadline nothing is begun, and what arrives is no longer measured. A
/// connection whose echoes in flight still come back is complete, as at the planned end.
void Loop::await_echoes() {
  if (stopped_at_ == never) return;
  const bool measures = within_;
  traffic_.stop_at = std::min(traffic_.stop_at, at_);
  next_edge_ = measures ? traffic_.stop_at : never;
  cross_edge();
  const Nanoseconds until =
      stopped_at_ +
      (stop_reason_ == StopReason::deadline ? await_after_deadline : await_after_signal);
  while (in_flight_ > 0 && !forced_ && at_ < until) wait_and_dispatch(until);
}

void Loop::begin_traffic(const Traffic& traffic) {
  traffic_ = traffic;
  at_ = now();
  if (traffic.first_echoes) {
    traffic_.measure_from = never;
    early_ = &tally_.ramp.emplace();
  } else if (traffic.measure_from > traffic.start) {
    early_ = tally_.warm_up ? &*tally_.warm_up : &tally_.warm_up.emplace();
  } else {
    early_ = &tally_.measured;
  }
  next_edge_ = traffic_.measure_from;
  within_ = false;
  cursor_ = 0;
  rotation_.clear();
  rotation_.reserve(standing_);
  quota_ = Connection::none;
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i].state != State::standing) continue;
    rotation_.push_back(i);
    connections_[i].complete = false;
    // If a number of messages is given, all established connections have begun equally many.
    if (traffic.messages > 0) quota_ = connections_[i].begun + traffic.messages;
  }
  total_ = traffic.messages == 0 ? std::numeric_limits<std::uint64_t>::max()
                                 : std::uint64_t{traffic.messages} * rotation_.size();
}

void Loop::update_clock() {
  at_ = now();
  if (at_ >= next_edge_) [[unlikely]]
    cross_edge();
}

/// Enters or leaves the measured phase; both in one call if the clock was not read in between.
void Loop::cross_edge() {
  while (at_ >= next_edge_) {
    const bool closes = next_edge_ == traffic_.stop_at;
    set_within(!closes);
    next_edge_ = closes ? never : traffic_.stop_at;
    if (traffic_.at_edge) traffic_.at_edge(closes ? Edge::closes : Edge::opens);
  }
}

/// Bytes are counted by their difference, and not only with whole messages: of a large message many
/// may arrive before the first echo is complete.
void Loop::set_within(bool within) {
  if (within_) tally_.bytes_within += exchange_.received() - received_before_;
  within_ = within;
  received_before_ = exchange_.received();
}

/// Records messages that were due and will never be sent as censored: they took at least until now.
void Loop::end_traffic() {
  const Nanoseconds until = std::min(at_, traffic_.stop_at);
  for (Connection& connection : connections_) {
    if (connection.waits()) overdue_.abandon(connection);
    const bool at_rest = connection.state == State::standing && connection.in_flight() == 0;
    const bool no_goal = quota_ == Connection::none && connection.echoed > 0;
    if (at_rest && (stop_reason_ == StopReason::none ||
                    (no_goal && stop_reason_ != StopReason::server_lost))) {
      connection.complete = true;
    }
    // No message was due on it yet, so nothing was verified on it.
    const bool untried =
        at_rest && stop_reason_ == StopReason::none && connection.begun == 0 && !plan_.churn;
    if (untried)
      end(static_cast<std::uint32_t>(&connection - connections_.data()),
          {Outcome::not_attempted, phase_, 0});
  }
  const auto never_sent = [this, until](Nanoseconds due, std::uint64_t times) {
    Echoes& echoes = part(due);
    echoes.unsent += times;
    echoes.latency.record_censored(until - due, times);
  };
  for (const Nanoseconds due : overdue_.take_abandoned()) never_sent(due, 1);
  // Messages that became due without the client having had time to begin them. If there are too
  // many, each recorded one also counts for its neighbours.
  while (traffic_.pace && cursor_ < total_) {
    const Nanoseconds due = traffic_.start + traffic_.pace->due();
    if (due >= until) break;
    const std::uint64_t stride =
        std::max<std::uint64_t>(traffic_.pace->due_within(until - due) / most_apart, 1);
    never_sent(due, stride);
    traffic_.pace->skip(stride);
    cursor_ += stride;
  }
  traffic_.stop_at = until;  // nothing begins after it
  next_edge_ = never;        // and nothing is measured
  set_within(false);
}

/// Sends the first messages of each connection, in the order in which the connections were opened.
/// Connections opened one after another are adjacent in kernel memory. A stream that begins in that
/// order keeps it, round after round, and client and server find more of it in their caches. So a
/// stream reads no echoes before its batch is complete. A burst does, because its first echoes are
/// measured.
void Loop::start_closed() {
  const std::size_t batch = traffic_.messages == 0 ? stream_batch : send_batch;
  for (std::size_t i = 0; i < rotation_.size() && running(); ++i) {
    if (connections_[rotation_[i]].state == State::standing) {  // it may have ended since
      begin_next(rotation_[i], at_);
      flush(rotation_[i]);
    }
    if (i % send_batch == send_batch - 1) at_ = now();
    if (i % batch == batch - 1) wait_and_dispatch(at_);
  }
}

/// Begins the messages that are due, at most a batch. Message k goes to connection k modulo their
/// number.
void Loop::start_due() {
  for (int i = 0; i < send_batch && cursor_ < total_; ++i, ++cursor_) {
    const Nanoseconds due = traffic_.start + traffic_.pace->due();
    if (due > at_ || due >= traffic_.stop_at) return;
    traffic_.pace->advance();
    const std::uint32_t index = rotation_[cursor_ % rotation_.size()];
    Connection& connection = connections_[index];
    if (connection.state != State::standing) {
      overdue_.push_abandoned(due);
    } else if (connection.waits() || connection.in_flight() >= depth_) {
      overdue_.push(connection, due);
    } else {
      at_ = now();
      if (due >= traffic_.measure_from) tally_.lateness.record(at_ - due);
      if (at_ - due >= clearly_late) ++part(due).late;
      begin(index, due, at_);
      flush(index);
    }
  }
}

void Loop::begin(std::uint32_t index, Nanoseconds due, Nanoseconds at) {
  Connection& connection = connections_[index];
  flight(index, connection.begun) = {due, at};
  ++connection.begun;
  ++in_flight_;
  ++sent_;
  ++part(due).sent;
}

/// Fills the connection up to `depth` messages in flight. Closed loop: with messages due now; open
/// loop: with those that wait.
void Loop::begin_next(std::uint32_t index, Nanoseconds at) {
  Connection& connection = connections_[index];
  // In a closed loop each connection sends its first message, even if the time is already over.
  if (!running() || (over() && (traffic_.pace || connection.begun > 0))) return;
  if (traffic_.pace) {
    while (connection.waits() && connection.in_flight() < depth_) {
      const Nanoseconds due = overdue_.pop(connection);
      ++part(due).late;
      begin(index, due, at);
    }
    return;
  }
  while (connection.in_flight() < depth_ && connection.begun < quota_) begin(index, at, at);
}

void Loop::flush(std::uint32_t index) {
  Connection& connection = connections_[index];
  const IoResult io = exchange_.send_more(connection);
  if (io.kind == IoResult::Kind::failed) return apply(index, io);
  if (plan_.half_close && !traffic_.first_echoes && connection.begun == quota_ &&
      connection.writing == quota_) {
    ::shutdown(connection.fd, SHUT_WR);
  }
}

void Loop::on_echoes(std::uint32_t index, std::uint32_t echoes) {
  Connection& connection = connections_[index];
  update_clock();
  for (std::uint32_t message = connection.echoed - echoes; message != connection.echoed;
       ++message) {
    const Flight& times = flight(index, message);
    const std::uint32_t size = exchange_.size_of(connection, message);
    Echoes& echo = part(times.due);
    ++echo.verified;
    echo.bytes_verified += size;
    echo.latency.record(at_ - times.due);
    if (traffic_.pace && times.due >= traffic_.measure_from) tally_.wire.record(at_ - times.sent);
    if (interval_) interval_->record(at_ - times.due);
    if (within_) ++tally_.echoes_within;
  }
  in_flight_ -= echoes;
  verified_ += echoes;
  if (connection.echoed == quota_) connection.complete = true;
}

/// Records all messages in flight as censored: a message that timed out took at least this long,
/// and so did those that wait after it.
void Loop::record_censored(std::uint32_t index) {
  Connection& connection = connections_[index];
  for (std::uint32_t message = connection.echoed; message != connection.begun; ++message) {
    const Nanoseconds due = flight(index, message).due;
    part(due).latency.record_censored(at_ - due);
  }
}

}  // namespace client
