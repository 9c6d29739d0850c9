// The event loop of a load: it drives its connections through ramp, traffic, idle time and drain.
//
// It uses epoll directly, edge-triggered. Each socket is registered once, for reading and writing,
// so an echo costs a recv, a send and a wait shared by many. Asio's reactor costs 1.16 of that and
// more (docs/decisions/0002). Timers are the timeouts of the waits (PreciseEpoll). A loop belongs
// to one thread; a LoopGroup runs several through the same phases.
//
// It is implemented in four files: the wait and the phases that send nothing (loop.cpp), the effect
// of an event on a connection (loop_events.cpp), messages on established connections
// (loop_traffic.cpp), short-lived connections (loop_churn.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "client/connection/connection.hpp"
#include "client/connection/connector.hpp"
#include "client/connection/exchange.hpp"
#include "client/connection/overdue_queue.hpp"
#include "client/engine/heartbeat.hpp"
#include "client/engine/precise_epoll.hpp"
#include "client/engine/progress_slot.hpp"
#include "client/measure/tally.hpp"
#include "client/schedule/plan.hpp"
#include "client/schedule/ramp.hpp"
#include "echo/stop.hpp"

namespace client {

/// The objects that all loops of a run share.
struct LoopContext {
  const Connector& connector;
  const echo::Payload& payload;
  const MessageSizes& sizes;
  const echo::Stop& stop;
  Concurrency& concurrency;
  std::function<bool()> server_is_gone;  ///< called when a peer ends a connection too early
  const Heartbeat* heartbeat = nullptr;  ///< absences do not count towards timeouts
};

class Loop {
 public:
  Loop(const Plan& plan, const LoopContext& context, ProgressSlot& progress_slot);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Takes connection 0, which was opened alone.
  void adopt(FirstConnection first);
  /// Opens the remaining connections; returns when each connect has succeeded or failed.
  void ramp();
  /// Exchanges messages on all established connections, until the traffic's end and the last echo.
  void exchange(const Traffic& traffic);
  /// Repeats connect, `traffic.messages` echoes and close until the traffic's end.
  /// After a signal or the deadline both wait a moment for the echoes in flight, and begin nothing.
  void churn(const Traffic& traffic);
  /// Keeps all connections open, without traffic, until then.
  void idle(Nanoseconds until);
  /// Half-closes all connections, reads until the peer's FIN or a quiet period (extra bytes are a
  /// failure), then closes them.
  void drain();
  /// Posts the current progress to the ProgressSlot.
  void post();

  [[nodiscard]] StopReason stop_reason() const { return stop_reason_; }
  /// When a signal or the deadline stopped the loop; `never` if neither did.
  [[nodiscard]] Nanoseconds stopped_at() const { return stopped_at_; }
  [[nodiscard]] std::uint32_t standing() const { return standing_; }
  Tally& tally() { return tally_; }

 private:
  void wait_and_dispatch(Nanoseconds until);
  void dispatch(std::uint32_t index, std::uint32_t events);
  void dispatch_all(std::span<const epoll_event> events);
  void read_what_is_ready(std::span<epoll_event> events);
  void check_limits();
  void stop(StopReason reason);
  void await_echoes();
  void expire();
  void expire_one(std::uint32_t index);

  void open_next();
  void open_at(std::uint32_t index);
  void place(std::uint32_t index, Attempt attempt, Nanoseconds begun);
  bool try_early_send(std::uint32_t index);
  void on_connecting(std::uint32_t index, std::uint32_t events);
  void on_established(std::uint32_t index, Nanoseconds at);
  void fail_connect(std::uint32_t index, int error);

  void begin_traffic(const Traffic& traffic);
  void end_traffic();
  void start_closed();
  void start_due();
  void begin(std::uint32_t index, Nanoseconds due, Nanoseconds at);
  void begin_next(std::uint32_t index, Nanoseconds at);
  void flush(std::uint32_t index);
  void on_echoes(std::uint32_t index, std::uint32_t echoes);
  void apply(std::uint32_t index, const IoResult& io);
  void on_eof(std::uint32_t index);
  void record_censored(std::uint32_t index);
  void finish_connection(std::uint32_t index);
  [[nodiscard]] bool over() const { return at_ >= traffic_.stop_at; }
  void update_clock();
  void cross_edge();
  void set_within(bool within);

  void fail(std::uint32_t index, Outcome outcome, int error);
  void end(std::uint32_t index, const Failure& how);
  void end_all(Outcome outcome);
  void probe_server();
  void settle_undecided();
  /// Whether the peer may end a complete connection. In the idle phase it must stay open.
  [[nodiscard]] bool may_end() const { return phase_ != Phase::idle || plan_.half_close; }
  [[nodiscard]] bool running() const { return stop_reason_ == StopReason::none; }

  Flight& flight(std::uint32_t index, std::uint32_t message) {
    if (depth_ == 1) return connections_[index].flight;
    return flights_[std::size_t{index} * depth_ + message % depth_];
  }
  /// The counts of the phase to which a message due at `due` belongs.
  Echoes& part(Nanoseconds due) { return due >= traffic_.measure_from ? tally_.measured : *early_; }

  Plan plan_;
  const LoopContext& context_;
  ProgressSlot& progress_slot_;
  Exchange exchange_;
  Tally tally_;

  PreciseEpoll epoll_;
  Ramp ramp_;
  std::uint32_t depth_;
  std::vector<Connection> connections_;
  std::vector<Flight> flights_;  ///< `depth_` entries per connection, if depth_ > 1
  OverdueQueue overdue_;

  Phase phase_ = Phase::connect;
  StopReason stop_reason_ = StopReason::none;
  Nanoseconds stopped_at_ = never;
  Nanoseconds at_;  ///< the last reading of the clock
  std::uint32_t next_index_ = 0;
  std::uint32_t standing_ = 0;
  std::uint64_t in_flight_ = 0;  ///< messages
  std::uint64_t sent_ = 0;       ///< of the whole run, for the progress
  std::uint64_t verified_ = 0;

  Traffic traffic_;
  std::uint64_t cursor_ = 0;           ///< open loop: messages that were due
  std::uint64_t total_ = 0;            ///< open loop: messages of the traffic
  Echoes* early_ = nullptr;            ///< counts of what is due before traffic_.measure_from
  Nanoseconds next_edge_ = never;      ///< measure_from, then stop_at, then never
  bool within_ = false;                ///< between the two: echoes that arrive now are measured
  std::uint64_t received_before_ = 0;  ///< exchange_.received() when within_ became true
  std::uint32_t quota_ = 0;            ///< value of Connection::begun at which a connection is done
  std::vector<std::uint32_t> rotation_;      ///< established connections, in round-robin order
  std::vector<std::uint32_t> vacant_;        ///< churn: unused entries of connections_
  Nanoseconds retry_at_{};                   ///< churn: no new connect before this time
  std::optional<echo::Histogram> interval_;  ///< latencies since the last post

  Nanoseconds next_scan_{};
  Nanoseconds next_post_;
  Nanoseconds last_event_{};
  Nanoseconds next_probe_{};
  /// Failures of connections that the peer ended in one burst while the server still seemed to run.
  /// A killed process closes its connections first and its listener last, milliseconds later.
  std::map<Failure, std::uint64_t> undecided_;
  Nanoseconds last_undecided_{};
  bool stop_requested_ = false;
  bool forced_ = false;
};

}  // namespace client
