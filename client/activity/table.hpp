// The connections of a loop, as an activity sees them: their state, the time, and what can be done
// with one of them. The tests of activities implement the actions without sockets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "client/connection/connection.hpp"
#include "client/measure/recorder.hpp"
#include "client/measure/tally.hpp"
#include "client/schedule/plan.hpp"

namespace client {

class Table {
 public:
  virtual ~Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  // ---- actions. Each may end the connection, and then calls Activity::on_end().
  /// Begins the connect of an unopened or ended entry as connection `number` of the run.
  virtual void open(std::uint32_t index, std::uint32_t number) = 0;
  /// The same, and sends the first message without waiting for the connect, where that is possible.
  virtual void open_and_send(std::uint32_t index, std::uint32_t number) = 0;
  /// Sends the begun messages, as far as the socket takes them.
  virtual void flush(std::uint32_t index) = 0;
  /// Sends FIN, and waits for that of the peer.
  virtual void half_close(std::uint32_t index) = 0;
  /// Looks once for extra bytes, then ends the connection as served.
  virtual void finish(std::uint32_t index) = 0;
  /// Counts the connection under `how` and closes it.
  virtual void end(std::uint32_t index, const Failure& how) = 0;
  /// Checks whether the server still exists; if not, the run stops.
  virtual void probe_server() = 0;
  /// Reads the clock.
  virtual void tick() = 0;

  /// Queues the next message of connection `index` for sending. Its latency starts at `due`, its
  /// timeout now.
  void begin(std::uint32_t index, Nanoseconds due) {
    Connection& connection = connections_[index];
    flight(index, connection.begun) = {due, at_};
    ++connection.begun;
    ++in_flight_;
    recorder_.sent(due);
  }

  /// Each connection sends until Connection::begun is `quota`; `then_fin`: FIN behind the last.
  void send_up_to(std::uint32_t quota, bool then_fin) {
    quota_ = quota;
    fin_after_ = then_fin ? quota : unlimited;
  }
  /// A quota that no connection reaches.
  static constexpr std::uint32_t unlimited = Connection::none;

  // ---- state
  [[nodiscard]] Connection& operator[](std::uint32_t index) { return connections_[index]; }
  [[nodiscard]] std::uint32_t size() const {
    return static_cast<std::uint32_t>(connections_.size());
  }
  /// Entries [0, used) have been opened at least once, in this order.
  [[nodiscard]] std::uint32_t used() const { return used_; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  /// Value of Connection::begun at which a connection is done.
  [[nodiscard]] std::uint32_t quota() const { return quota_; }
  /// Connections that are established and have not ended.
  [[nodiscard]] std::uint32_t standing() const { return standing_; }
  /// Messages in flight on all connections.
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }
  /// The last reading of the clock.
  [[nodiscard]] Nanoseconds at() const { return at_; }
  /// When the last event came.
  [[nodiscard]] Nanoseconds last_event() const { return last_event_; }
  [[nodiscard]] StopReason stop_reason() const { return stop_reason_; }
  /// Whether nothing has stopped the run. Afterwards no message may be begun.
  [[nodiscard]] bool running() const { return stop_reason_ == StopReason::none; }
  /// When a signal or the deadline stopped the run; `never` if neither did.
  [[nodiscard]] Nanoseconds stopped_at() const { return stopped_at_; }
  /// Whether the run must end without waiting for its peers.
  [[nodiscard]] bool forced() const { return forced_; }
  [[nodiscard]] Recorder& recorder() { return recorder_; }

 protected:
  Table(std::uint32_t connections, std::uint32_t depth, bool keep_interval,
        std::function<std::uint64_t()> received = {})
      : recorder_(tally_, keep_interval, std::move(received)),
        connections_(connections),
        flights_(depth > 1 ? std::size_t{connections} * depth : 0),
        depth_(depth) {}

  Flight& flight(std::uint32_t index, std::uint32_t message) {
    if (depth_ == 1) return connections_[index].flight;
    return flights_[std::size_t{index} * depth_ + message % depth_];
  }
  /// Puts connection `number`, whose connect begins at `begun`, into an entry.
  void enter(std::uint32_t index, std::uint32_t number, Nanoseconds begun) {
    ++tally_.total;
    used_ = std::max(used_, index + 1);
    connections_[index] = Connection{};
    connections_[index].number = number;
    connections_[index].state = State::connecting;
    flight(index, 0).sent = begun;
  }
  /// The connect of the entry has succeeded at `at`.
  void establish(std::uint32_t index, Nanoseconds at) {
    at_ = at;
    connections_[index].state = State::standing;
    ++standing_;
    ++tally_.established;
    const Nanoseconds took = at - flight(index, 0).sent;
    tally_.connect.record(took);
    if (took >= slow_connect) ++tally_.slow_connects;
  }
  /// The first reason counts.
  void stop(StopReason reason) {
    if (!running()) return;
    stop_reason_ = reason;
    if (reason != StopReason::server_lost) stopped_at_ = at_;
  }

  Tally tally_;
  Recorder recorder_;
  std::vector<Connection> connections_;
  std::vector<Flight> flights_;  ///< `depth_` entries per connection, if depth_ > 1
  std::uint32_t depth_;
  std::uint32_t quota_ = unlimited;
  std::uint32_t fin_after_ = unlimited;
  std::uint32_t used_ = 0;
  std::uint32_t standing_ = 0;
  std::uint64_t in_flight_ = 0;
  Nanoseconds at_{};
  Nanoseconds last_event_{};
  StopReason stop_reason_ = StopReason::none;
  Nanoseconds stopped_at_ = never;
  bool forced_ = false;
};

}  // namespace client
