// The event loop of a load: sessions through the phases ramp, echo, idle, drain.
//
// An epoll of its own, edge-triggered: each socket is registered once, for reading and writing, and
// never again, so an echo costs a wait shared by many, a recv and a send. Asio's reactor costs 1.16
// of that and more (docs/decisions/0002). Timers are times passed to epoll_pwait2(2), exact to some
// microseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "client/connector.hpp"
#include "client/exchange.hpp"
#include "client/pace.hpp"
#include "client/ramp.hpp"
#include "client/session.hpp"
#include "client/tally.hpp"
#include "client/timeout_queue.hpp"
#include "echo/stop.hpp"

namespace client {

using Nanoseconds = std::chrono::nanoseconds;

/// Now, on CLOCK_MONOTONIC.
inline Nanoseconds now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

/// What a loop is to do.
struct Plan {
  std::uint64_t connections = 1;
  std::uint64_t messages = 1;  ///< on each connection
  Pace pace = Pace::burst();
  Nanoseconds connect_timeout{};
  Nanoseconds timeout{};      ///< per message, from its first send
  Nanoseconds idle{};         ///< all stand this long after the echoes
  Nanoseconds deadline_at{};  ///< on the clock of now()
};

/// Why a run ended before its plan did.
enum class Cut : std::uint8_t { none, interrupted, deadline, server_lost };

/// What a loop tells while it runs.
struct Progress {
  std::string_view phase;
  std::uint64_t connected = 0;
  std::uint64_t failed = 0;
  std::uint64_t echoes = 0;
};

class Loop {
 public:
  struct Hooks {
    std::function<bool()> server_is_gone;  ///< asked when a peer ends a connection too early
    std::function<void(const Progress&)> progress;
    Nanoseconds progress_every = std::chrono::milliseconds{100};
  };

  Loop(const Plan& plan, const Connector& connector, const echo::Payload& payload,
       const echo::Stop& stop, Tally& tally, Hooks hooks);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Takes connection 0, which was opened alone.
  void adopt(FirstConnection first);
  /// Opens the others; returns when each connect has succeeded or failed.
  void ramp();
  /// Sends, verifies, until each session has all its echoes or has failed.
  void echo();
  /// Lets all stand for the plan's idle time.
  void idle();
  /// Half-closes all, looks for extra bytes until the peer's FIN or a quiet period, closes.
  void drain();

  [[nodiscard]] Cut cut() const { return cut_; }

 private:
  void watch(int fd, std::uint32_t events, std::uint32_t index);
  void wait_and_dispatch(Nanoseconds until);
  void dispatch(std::uint32_t index, std::uint32_t events);
  void check_limits(Nanoseconds at);
  void expire(Nanoseconds at);
  [[nodiscard]] Nanoseconds next_expiry() const;

  void open_next();
  void place(std::uint32_t index, Attempt attempt, Nanoseconds begun);
  void on_connecting(std::uint32_t index, std::uint32_t events);
  void on_established(std::uint32_t index);
  void fail_connect(std::uint32_t index, int error);

  void start_message(std::uint32_t index, Nanoseconds due, Nanoseconds at);
  void start_due(std::uint64_t& cursor, Nanoseconds at);
  void on_echoed(std::uint32_t index);
  void apply(std::uint32_t index, const Step& step);
  void on_eof(std::uint32_t index);
  void record_censored(const Session& session, Nanoseconds at);

  void fail(std::uint32_t index, Outcome outcome, int error);
  void end(std::uint32_t index, const Failure& how);
  void end_all(Outcome outcome);
  void look_for_server(Nanoseconds at);
  void settle_undecided();
  [[nodiscard]] bool running() const { return cut_ == Cut::none; }

  const Plan& plan_;
  const Connector& connector_;
  Exchange exchange_;
  Tally& tally_;
  Hooks hooks_;

  echo::Descriptor epoll_;
  Ramp ramp_;
  std::vector<Session> sessions_;
  TimeoutQueue connecting_;
  TimeoutQueue echoing_;
  std::vector<std::uint32_t> paced_;  ///< sessions in the order of their due times

  Phase phase_ = Phase::connect;
  Cut cut_ = Cut::none;
  std::uint64_t next_index_ = 1;
  std::uint64_t incomplete_ = 0;  ///< established sessions that still lack echoes
  Nanoseconds echo_start_{};
  Nanoseconds last_event_{};
  Nanoseconds next_progress_{};
  Nanoseconds next_probe_{};
  /// Ended by the peer in one burst while the server still seemed to be there: a process that is
  /// killed closes its connections first and its listener last, milliseconds later.
  std::map<Failure, std::uint64_t> undecided_;
  Nanoseconds last_undecided_{};
  bool stop_requested_ = false;
  bool forced_ = false;
};

}  // namespace client
