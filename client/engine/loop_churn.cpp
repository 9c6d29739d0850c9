// Connections that come and go: connect, some echoes, close, and again in the same place.
//
// Over loopback a connection stands by the time that connect(2) returns EINPROGRESS, since the
// handshake ran inside the call. So the first message is tried at once, and most visits cost no
// wait for the connect; the epoll hears of a socket when there is an echo to wait for.
#include <sys/epoll.h>

#include <algorithm>

#include "client/engine/loop.hpp"

namespace client {
namespace {

constexpr std::uint64_t connect_batch = 4;

}  // namespace

void Loop::churn(const Traffic& traffic) {
  if (!running()) return;
  phase_ = Phase::echo;
  begin_traffic(traffic);
  quota_ = traffic.messages;
  for (std::uint32_t i = static_cast<std::uint32_t>(connections_.size()); i-- > next_index_;) {
    connections_[i].state = State::ended;
    vacant_.push_back(i);
  }
  while (running() && at_ < traffic_.start) wait_and_dispatch(traffic_.start);
  look_at_the_clock();
  if (next_index_ == 1 && connections_[0].state == State::standing && connections_[0].begun == 0) {
    begin_next(0, at_);
    flush(0);
  }
  std::uint32_t visits = next_index_;  // the one that was opened alone is the first
  while (running() && !ramp_.hopeless()) {
    if (over() && vacant_.size() == connections_.size()) break;
    std::uint64_t room = over() || at_ < rest_until_ ? 0 : ramp_.room(at_);
    room = std::min({room, connect_batch, std::uint64_t{vacant_.size()}});
    Nanoseconds next = room > 0 ? at_ : ramp_.next_look().value_or(never);
    for (; room > 0; --room) {
      if (plan_.connects) {
        next = traffic_.start + plan_.connects->due();
        if (next > at_ || next >= traffic_.stop_at) break;
        plan_.connects->advance();
      }
      const std::uint32_t index = vacant_.back();
      vacant_.pop_back();
      connections_[index] = Connection{};
      connections_[index].number = plan_.first + visits++ * plan_.stride;
      open_at(index);
    }
    if (at_ < rest_until_) next = std::min(next, rest_until_);
    wait_and_dispatch(over() ? never : std::min(next, traffic_.stop_at));
  }
  end_traffic();
}

/// Tries the first message on a connect that is under way. True: the connection stands, or has
/// failed.
bool Loop::speaks_at_once(std::uint32_t index) {
  Connection& connection = connections_[index];
  connection.begun = 1;
  const IoResult io = exchange_.send_more(connection);
  connection.begun = 0;
  if (io.kind == IoResult::Kind::failed) {
    fail_connect(index, io.error);
    return true;
  }
  if (connection.writing == 0 && connection.written == 0) return false;
  on_established(index, now());
  const bool all_written = connection.writing == connection.begun && connection.begun == quota_;
  if (connection.fd >= 0) {
    epoll_.watch(connection.fd, EPOLLIN | EPOLLRDHUP | EPOLLET | (all_written ? 0U : EPOLLOUT),
                 index);
  }
  return true;
}

/// A visit has had all its echoes: a last look for bytes too many, and the place is free.
void Loop::finish_visit(std::uint32_t index) {
  const IoResult io = exchange_.receive(connections_[index], false);
  if (io.kind == IoResult::Kind::failed) return apply(index, io);
  end(index, {Outcome::served, Phase::drain, 0});
}

}  // namespace client
