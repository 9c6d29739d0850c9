#include "client/engine/connection_table.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace client {
namespace {

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
constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/// Receives the events while no other activity runs: messages in flight are recorded, and nothing
/// is begun.
class NoActivity final : public Activity {
 public:
  NoActivity() : Activity(Phase::connect) {}
  std::optional<Nanoseconds> step() override { return std::nullopt; }
};

Activity& no_activity() {
  static NoActivity nothing;
  return nothing;
}

Outcome outcome_of_connect(int error) {
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
}

}  // namespace

ConnectionTable::ConnectionTable(const Plan& plan, const LoopContext& context)
    : Table(plan.connections, plan.depth, plan.keep_interval,
            [this] { return transport_.received(); }),
      plan_(plan),
      context_(context),
      transport_(EchoExchange{context.payload, context.sizes}),
      server_probe_(context.server_is_gone),
      activity_(&no_activity()) {
  at_ = now();
  epoll_.watch(context.stop.drain_fd(), EPOLLIN | EPOLLET, drain_index);
  epoll_.watch(context.stop.force_fd(), EPOLLIN | EPOLLET, force_index);
}

ConnectionTable::~ConnectionTable() {
  for (Connection& connection : connections_) echo::Descriptor{connection.fd};
}

void ConnectionTable::pass_events_to(Activity* activity) {
  activity_ = activity != nullptr ? activity : &no_activity();
  if (activity != nullptr) phase_ = activity->phase();
}

void ConnectionTable::tick() {
  at_ = now();
  recorder_.advance(at_);
}

// ---- events -------------------------------------------------------------------------------------

void ConnectionTable::wait(Nanoseconds until) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written by the kernel
  std::array<epoll_event, 512> events;
  const Nanoseconds wake = std::min({until, next_scan_, recorder_.next_edge()});
  const bool soon = wake - at_ < busy_poll_below;
  const auto left = soon ? Nanoseconds{0} : wake - at_;
  const int count = epoll_.wait(events, left);
  const bool empty_poll = soon && count == 0;
  if (empty_poll && wake > at_) ::sched_yield();
  tick();
  if (!empty_poll) recorder_.waited_for_events();
  if (count > 0) last_event_ = at_;
  dispatch_all({events.data(), static_cast<std::size_t>(count)});
  if (at_ >= next_scan_) [[unlikely]] {
    read_what_is_ready(events);
    expire();
  }
}

/// Reads the events that are ready now, before anything times out: an echo that came while this
/// process was away, or that waits behind a full batch, is not late. Each connection has at most
/// one event, so the number of reads is bounded.
void ConnectionTable::read_what_is_ready(std::span<epoll_event> events) {
  for (std::size_t reads = size() / events.size() + 1; reads > 0; --reads) {
    const int count = epoll_.wait(events, Nanoseconds{0});
    if (count <= 0) return;
    tick();
    last_event_ = at_;
    dispatch_all(events.first(static_cast<std::size_t>(count)));
  }
}

void ConnectionTable::dispatch_all(std::span<const epoll_event> events) {
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

void ConnectionTable::check_limits(Nanoseconds deadline_at) {
  if (stop_requested_) stop(StopReason::interrupted);
  if (at_ >= deadline_at) stop(StopReason::deadline);
}

void ConnectionTable::dispatch(std::uint32_t index, std::uint32_t events) {
  Connection& connection = connections_[index];
  if (connection.state == State::connecting) on_connecting(index, events);
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

/// Scans all connections that wait. A wait that begins after the scan expires at least one timeout
/// later, so the next scan is due when the oldest of the current waits expires. Without timeouts
/// that is about one scan per timeout, and it adds no work to an echo. Time in which this process
/// did not run does not count: nobody could have read an echo.
void ConnectionTable::expire() {
  Nanoseconds soonest = at_ + std::min(plan_.timeout, plan_.connect_timeout);
  for (std::uint32_t i = 0; i < size(); ++i) {
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

void ConnectionTable::expire_one(std::uint32_t index) {
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
  ++tally_.total;
  const std::uint32_t index = used_++;
  connections_[index].number = 0;
  const bool stands = first.attempt.error == 0 && first.stood;
  place(index, std::move(first.attempt), first.begun.time_since_epoch());
  if (connections_[index].fd >= 0) {
    epoll_.watch(connections_[index].fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, index);
  }
  // Client and server were sampled since then; that time is not part of the connect.
  if (stands) on_established(index, first.stood->time_since_epoch());
}

/// Puts a begun connect into its entry.
void ConnectionTable::place(std::uint32_t index, Attempt attempt, Nanoseconds begun) {
  Connection& connection = connections_[index];
  connection.fd = attempt.socket.release();
  flight(index, 0).sent = begun;
  connection.state = State::connecting;
  next_scan_ = std::min(next_scan_, begun + plan_.connect_timeout);
  if (attempt.error != 0) fail_connect(index, attempt.error);
}

/// Begins the connect of connection `number` in entry `index`. Returns false if it has failed.
bool ConnectionTable::connect(std::uint32_t index, std::uint32_t number) {
  const Nanoseconds begun = now();
  ++tally_.total;
  used_ = std::max(used_, index + 1);
  connections_[index] = Connection{};
  connections_[index].number = number;
  place(index, context_.connector.begin(number), begun);
  return connections_[index].state == State::connecting;
}

void ConnectionTable::open(std::uint32_t index, std::uint32_t number) {
  if (!connect(index, number)) return;
  epoll_.watch(connections_[index].fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, index);
}

/// The socket is registered only when there is an echo to wait for: most connections need no wait
/// for the connect.
void ConnectionTable::open_and_send(std::uint32_t index, std::uint32_t number) {
  if (!connect(index, number)) return;
  Connection& connection = connections_[index];
  connection.begun = 1;
  const IoResult io = transport_.send_more(connection);
  connection.begun = 0;
  if (io.kind == IoResult::Kind::failed) return fail_connect(index, io.error);
  const bool in_progress = connection.writing == 0 && connection.written == 0;
  if (!in_progress) on_established(index, now());
  if (connection.fd < 0) return;
  const bool all_written =
      !in_progress && connection.writing == connection.begun && connection.begun == quota_;
  epoll_.watch(connection.fd, EPOLLIN | EPOLLRDHUP | EPOLLET | (all_written ? 0U : EPOLLOUT),
               index);
}

void ConnectionTable::on_connecting(std::uint32_t index, std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(connections_[index].fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return fail_connect(index, error == 0 ? ECONNRESET : error);
  }
  if ((events & EPOLLOUT) != 0) on_established(index, now());
}

void ConnectionTable::on_established(std::uint32_t index, Nanoseconds at) {
  Connection& connection = connections_[index];
  at_ = at;
  connection.state = State::standing;
  ++standing_;
  ++tally_.established;
  context_.concurrency.opened();
  const Nanoseconds took = at_ - flight(index, 0).sent;
  tally_.connect.record(took);
  if (took >= slow_connect) ++tally_.slow_connects;
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
