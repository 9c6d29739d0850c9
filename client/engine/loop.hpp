// The event loop of a load: its connections through ramp, traffic, idle time and drain.
//
// An epoll of its own, edge-triggered: each socket is registered once, for reading and writing, and
// never again, so an echo costs a wait shared by many, a recv and a send. Asio's reactor costs 1.16
// of that and more (docs/decisions/0002). Timers are the waits' own timeouts (PreciseEpoll). One
// loop is one thread's; a LoopGroup runs several in io.
//
// In four files: the wait and the phases that send nothing (loop.cpp), what an event does to a
// connection (loop_events.cpp), messages on standing connections (loop_traffic.cpp), connections
// that come and go (loop_churn.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "client/connection/connection.hpp"
#include "client/connection/connector.hpp"
#include "client/connection/exchange.hpp"
#include "client/connection/overdue_queue.hpp"
#include "client/engine/precise_epoll.hpp"
#include "client/engine/progress_slot.hpp"
#include "client/measure/tally.hpp"
#include "client/schedule/plan.hpp"
#include "client/schedule/ramp.hpp"
#include "echo/stop.hpp"

namespace client {

/// What all loops of a run share.
struct LoopContext {
  const Connector& connector;
  const echo::Payload& payload;
  const MessageSizes& sizes;
  const echo::Stop& stop;
  Concurrency& concurrency;
  std::function<bool()> server_is_gone;  ///< asked when a peer ends a connection too early
};

class Loop {
 public:
  Loop(const Plan& plan, const LoopContext& context, ProgressSlot& progress_slot);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Takes connection 0, which was opened alone.
  void adopt(FirstConnection first);
  /// Opens the others; returns when each connect has succeeded or failed.
  void ramp();
  /// Messages on all that stand, until the traffic's end and the last echo.
  void exchange(const Traffic& traffic);
  /// Connects, `traffic.messages` echoes, close, and again, until the traffic's end.
  void churn(const Traffic& traffic);
  /// Lets all stand until then.
  void idle(Nanoseconds until);
  /// Half-closes all, looks for extra bytes until the peer's FIN or a quiet period, closes.
  void drain();
  /// Leaves a note of how things stand.
  void post();

  [[nodiscard]] StopReason stop_reason() const { return stop_reason_; }
  [[nodiscard]] std::uint32_t standing() const { return standing_; }
  Tally& tally() { return tally_; }

 private:
  void wait_and_dispatch(Nanoseconds until);
  void dispatch(std::uint32_t index, std::uint32_t events);
  void check_limits();
  void expire();
  void expire_one(std::uint32_t index);

  void open_next();
  void open_at(std::uint32_t index);
  void place(std::uint32_t index, Attempt attempt, Nanoseconds begun);
  bool speaks_at_once(std::uint32_t index);
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
  void finish_visit(std::uint32_t index);
  [[nodiscard]] bool over() const { return at_ >= traffic_.stop_at; }
  void look_at_the_clock();
  void cross_edge();

  void fail(std::uint32_t index, Outcome outcome, int error);
  void end(std::uint32_t index, const Failure& how);
  void end_all(Outcome outcome);
  void look_for_server();
  void settle_undecided();
  /// Whether a connection that has done all may be ended by its peer: not while it is to stand.
  [[nodiscard]] bool may_end() const { return phase_ != Phase::idle || plan_.half_close; }
  [[nodiscard]] bool running() const { return stop_reason_ == StopReason::none; }

  Flight& flight(std::uint32_t index, std::uint32_t message) {
    if (depth_ == 1) return connections_[index].flight;
    return flights_[std::size_t{index} * depth_ + message % depth_];
  }
  /// Where a message that was due then counts.
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
  std::vector<Flight> flights_;  ///< `depth_` places a connection, where that is more than one
  OverdueQueue overdue_;

  Phase phase_ = Phase::connect;
  StopReason stop_reason_ = StopReason::none;
  Nanoseconds at_;  ///< the clock when it was read last
  std::uint32_t next_index_ = 0;
  std::uint32_t standing_ = 0;
  std::uint64_t in_flight_ = 0;  ///< messages
  std::uint64_t sent_ = 0;       ///< of the whole run, for the notes
  std::uint64_t verified_ = 0;

  Traffic traffic_;
  std::uint64_t cursor_ = 0;             ///< messages that were due, open loop; of
  std::uint64_t total_ = 0;              ///< so many
  Echoes* early_ = nullptr;              ///< what is due before traffic_.measure_from
  Nanoseconds next_edge_ = never;        ///< measure_from, then stop_at
  bool within_ = false;                  ///< between them: what comes back now counts
  std::uint32_t quota_ = 0;              ///< messages that each connection is to have begun, in all
  std::vector<std::uint32_t> rotation_;  ///< connections in the order in which they take turns
  std::vector<std::uint32_t> vacant_;    ///< places for new connections (churn)
  Nanoseconds rest_until_{};             ///< no new connection before (churn)
  std::optional<echo::Histogram> interval_;  ///< latencies since the last note

  Nanoseconds next_scan_{};
  Nanoseconds next_post_;
  Nanoseconds last_event_{};
  Nanoseconds next_probe_{};
  /// Ended by the peer in one burst while the server still seemed to be there: a process that is
  /// killed closes its connections first and its listener last, milliseconds later.
  std::map<Failure, std::uint64_t> undecided_;
  Nanoseconds last_undecided_{};
  bool stop_requested_ = false;
  bool forced_ = false;
};

}  // namespace client
