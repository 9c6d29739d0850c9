// Short-lived connections: connect, some echoes, close, then a new connect in the same entry.
//
// Over loopback a connection is established when connect(2) returns EINPROGRESS, because the
// handshake runs inside the call. So the loop sends the first message immediately, and most
// connections need no wait for the connect. A socket is registered with epoll only when there is an
// echo to wait for.
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
  update_clock();
  if (next_index_ == 1 && connections_[0].state == State::standing && connections_[0].begun == 0) {
    begin_next(0, at_);
    flush(0);
  }
  std::uint32_t opened = next_index_;  // connection 0, opened alone, is the first
  while (running() && !ramp_.hopeless()) {
    if (over() && vacant_.size() == connections_.size()) break;
    std::uint64_t room = over() || at_ < retry_at_ ? 0 : ramp_.room(at_);
    room = std::min({room, connect_batch, std::uint64_t{vacant_.size()}});
    Nanoseconds next = room > 0 ? at_ : ramp_.next_check().value_or(never);
    for (; room > 0; --room) {
      if (plan_.connects) {
        next = traffic_.start + plan_.connects->due();
        if (next > at_ || next >= traffic_.stop_at) break;
        plan_.connects->advance();
      }
      const std::uint32_t index = vacant_.back();
      vacant_.pop_back();
      connections_[index] = Connection{};
      connections_[index].number = plan_.first + opened++ * plan_.stride;
      open_at(index);
    }
    if (at_ < retry_at_) next = std::min(next, retry_at_);
    wait_and_dispatch(over() ? never : std::min(next, traffic_.stop_at));
  }
  await_echoes();
  end_traffic();
}

/// Tries to send the first message while the connect is in progress. Returns true if the connection
/// is established or has failed.
bool Loop::try_early_send(std::uint32_t index) {
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

/// Ends a connection that has all its echoes, after a last read for extra bytes.
void Loop::finish_connection(std::uint32_t index) {
  const IoResult io = exchange_.receive(connections_[index], false);
  if (io.kind == IoResult::Kind::failed) return apply(index, io);
  end(index, {Outcome::served, Phase::drain, 0});
}

}  // namespace client
