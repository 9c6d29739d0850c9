// The connections of a loop on the kernel's sockets: their events, their timeouts and their ends.
// What the connections are for is an Activity's matter.
//
// It uses epoll directly, edge-triggered. Each socket is registered once, for reading and writing,
// so an echo costs a recv, a send and a wait shared by many. Asio's reactor costs 1.16 of that and
// more (docs/decisions/0002). Timers are the timeouts of the waits (PreciseEpoll).
#pragma once

#include <functional>

#include "client/activity/activity.hpp"
#include "client/activity/table.hpp"
#include "client/connection/connector.hpp"
#include "client/connection/echo_exchange.hpp"
#include "client/connection/transport.hpp"
#include "client/measure/heartbeat.hpp"
#include "client/engine/precise_epoll.hpp"
#include "client/engine/server_probe.hpp"
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

class ConnectionTable final : public Table {
 public:
  ConnectionTable(const Plan& plan, const LoopContext& context);
  ~ConnectionTable() override;

  void open(std::uint32_t index, std::uint32_t number) override;
  void open_and_send(std::uint32_t index, std::uint32_t number) override;
  void flush(std::uint32_t index) override;
  void half_close(std::uint32_t index) override;
  void finish(std::uint32_t index) override;
  void end(std::uint32_t index, const Failure& how) override;
  void probe_server() override;
  void tick() override;

  /// Takes connection 0, which was opened alone.
  void adopt(FirstConnection first);
  /// Events are passed to `activity` from now on; nullptr: to none.
  void pass_events_to(Activity* activity);
  /// Waits for events until `until`, the next timeout or the next edge of the measured phase, and
  /// handles what came. Returns at once if `until` is not later than at().
  void wait(Nanoseconds until);
  /// Ends connection `index`, opened or not, with `outcome` unless it is complete. `also_complete`:
  /// a complete one too. Its messages in flight are censored if the run had no time for them.
  void end_incomplete(std::uint32_t index, Outcome outcome, bool also_complete);
  /// When it will be known whether a burst of ended connections was the end of the server, by
  /// probe_server(); nullopt if nothing is undecided.
  [[nodiscard]] std::optional<Nanoseconds> decide_at() const {
    return server_probe_.decide_at(at_);
  }
  /// Stops the run if the time or a signal asks for it.
  void check_limits(Nanoseconds deadline_at);

  [[nodiscard]] Phase phase() const { return phase_; }
  /// Bytes received so far, of all connections.
  [[nodiscard]] std::uint64_t received() const { return transport_.received(); }
  [[nodiscard]] Tally& tally() { return tally_; }

 private:
  void dispatch(std::uint32_t index, std::uint32_t events);
  void dispatch_all(std::span<const epoll_event> events);
  void read_what_is_ready(std::span<epoll_event> events);
  void expire();
  void expire_one(std::uint32_t index);
  void place(std::uint32_t index, Attempt attempt, Nanoseconds begun);
  bool connect(std::uint32_t index, std::uint32_t number);
  void on_connecting(std::uint32_t index, std::uint32_t events);
  void on_established(std::uint32_t index, Nanoseconds at);
  void fail_connect(std::uint32_t index, int error);
  void apply(std::uint32_t index, const IoResult& io);
  void on_echoes(std::uint32_t index, std::uint32_t echoes);
  void on_eof(std::uint32_t index);
  void fail(std::uint32_t index, Outcome outcome, int error);
  void record_censored(std::uint32_t index);

  Plan plan_;
  const LoopContext& context_;
  KernelTransport<EchoExchange> transport_;
  PreciseEpoll epoll_;
  ServerProbe server_probe_;
  Activity* activity_;
  Phase phase_ = Phase::connect;
  Nanoseconds next_scan_{};
  bool stop_requested_ = false;
};

}  // namespace client
