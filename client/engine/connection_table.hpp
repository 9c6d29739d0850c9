// The connections of a loop on the kernel's sockets: their events, their timeouts and their ends.
// What the connections are for is an Activity's matter.
//
// epoll is used directly, edge-triggered. Each socket is registered once, for reading and writing,
// so an echo costs a recv, a send and a wait shared by many. Asio's reactor costs 1.16 of that and
// more (docs/decisions/0002). A Dispatcher waits for the events, and passes them on to here.
#pragma once

#include <atomic>
#include <functional>

#include "client/activity/activity.hpp"
#include "client/activity/no_activity.hpp"
#include "client/activity/table.hpp"
#include "client/connection/connector.hpp"
#include "client/connection/http_request.hpp"
#include "client/connection/selected_transport.hpp"
#include "client/engine/event_wait.hpp"
#include "client/engine/handshakes.hpp"
#include "client/engine/server_probe.hpp"
#include "client/engine/timeouts.hpp"
#include "client/measure/heartbeat.hpp"
#include "client/measure/retransmissions.hpp"
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
  const HttpRequest* http = nullptr;     ///< nullptr: the echo
  /// No further connection is to be opened; nullptr: all are.
  const std::atomic<bool>* enough = nullptr;
};

class ConnectionTable final : public Table {
 public:
  ConnectionTable(const Plan& plan, const LoopContext& context, EventWait& events,
                  Timeouts& timeouts);
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
  /// Handles the epoll `events` of connection `index`.
  void on_events(std::uint32_t index, std::uint32_t events);
  /// Ends connection `index`, whose connect or oldest message took too long.
  void expire(std::uint32_t index);
  /// Whether connection `index` has a connect or a message in flight, and since when.
  [[nodiscard]] bool waits(std::uint32_t index) const {
    return connections_[index].state == State::connecting || connections_[index].in_flight() > 0;
  }
  [[nodiscard]] Nanoseconds waits_since(std::uint32_t index) {
    return flight(index, connections_[index].echoed).sent;
  }
  /// Events have come at the table's time.
  void events_came() { last_event_ = at_; }
  /// A signal has come: the first one, or the one that ends the run at once.
  void request_stop() { stop_requested_ = true; }
  void force() { forced_ = true; }
  /// Ends connection `index`, opened or not, with `outcome` unless it is complete. `also_complete`:
  /// a complete one too. Its messages in flight are censored if the run had no time for them.
  void end_incomplete(std::uint32_t index, Outcome outcome, bool also_complete);
  /// When it will be known whether a burst of ended connections was the end of the server, by
  /// probe_server(); nullopt if nothing is undecided.
  [[nodiscard]] std::optional<Nanoseconds> decide_at() const {
    return server_probe_.decide_at(at_);
  }
  /// Between these, retransmissions are counted.
  void traffic_begins() { retransmissions_.begin(connections_); }
  void traffic_ends() { tally_.retransmissions += retransmissions_.end(connections_); }
  /// Stops the run if the time or a signal asks for it.
  void check_limits(Nanoseconds deadline_at);

  [[nodiscard]] Phase phase() const { return phase_; }
  /// Bytes received so far, of all connections.
  [[nodiscard]] std::uint64_t received() const { return transport_.received(); }
  [[nodiscard]] Tally& tally() { return tally_; }

 private:
  bool watch(std::uint32_t index, bool for_writing);
  bool took_off(std::uint32_t index, const Handshake& handshake);
  void advance(std::uint32_t index, const Handshake& handshake);
  void on_established(std::uint32_t index, Nanoseconds at);
  void fail_connect(std::uint32_t index, int error);
  void apply(std::uint32_t index, const IoResult& io);
  [[gnu::noinline]] void end_by(std::uint32_t index, const IoResult& io);
  // Through the transport of the echo, which the compiler resolves, or through that of another
  // protocol.
  template <class T>
  void flush_by(T& transport, std::uint32_t index);
  template <class T>
  void receive_by(T& transport, std::uint32_t index, bool at_end);
  template <class T>
  [[gnu::noinline]] void receive_more_by(T& transport, std::uint32_t index, bool at_end);
  [[gnu::noinline]] void flush_other(std::uint32_t index);
  [[gnu::noinline]] void receive_other(std::uint32_t index, bool at_end);
  [[gnu::always_inline]] inline void on_echoes(std::uint32_t index, std::uint32_t echoes);
  void on_eof(std::uint32_t index);
  void on_closes(std::uint32_t index);
  [[gnu::noinline, gnu::cold]] void on_unsent(std::uint32_t index, IoResult io);
  void close_socket(const Connection& connection) const;
  [[nodiscard]] bool may_reopen(const Connection& connection) const;
  void put_off(std::uint32_t index);
  void reopen(std::uint32_t index);
  void fail(std::uint32_t index, Outcome outcome, int error);
  void record_censored(std::uint32_t index);

  Plan plan_;
  const LoopContext& context_;
  SelectedTransport transport_;
  Handshakes handshakes_;
  Timeouts& timeouts_;
  ServerProbe server_probe_;
  RetransmissionCounter retransmissions_;
  NoActivity no_activity_;
  Activity* activity_;
  Phase phase_ = Phase::connect;
  bool stop_requested_ = false;
};

}  // namespace client
