// What the client is to do: its options, their defaults, and which of them contradict each other.
// command_line.hpp declares them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/connection/connector.hpp"
#include "client/options/objective.hpp"
#include "client/options/option_values.hpp"
#include "client/options/share.hpp"
#include "client/schedule/sizes.hpp"

namespace client {

enum class Mode {
  hold,    ///< connect all, echo, stay idle, close
  stream,  ///< echo on all of them for a given time
  churn    ///< connect, echo, close, repeat
};
std::string_view name_of(Mode mode);

/// What decides when the next message is sent (docs/terminology.md).
enum class LoopKind : std::uint8_t {
  burst,   ///< all connections send at once
  closed,  ///< the next message waits for the last echo
  open     ///< messages are due on a schedule
};
std::string_view name_of(LoopKind loop);

/// What is exchanged: echoes, or requests and responses.
enum class ProtocolName : std::uint8_t { echo, http };
std::string_view name_of(ProtocolName protocol);

enum class ShowProgress { when_terminal, always, never };
enum class MeasureReceiveLateness { in_open_loop, always, never };

struct Options {
  // load
  Target target;
  std::optional<ProtocolName> given_protocol;
  std::vector<std::string> headers;            ///< "Name: value", sent with each request
  std::optional<std::uint16_t> expect_status;  ///< nullopt: 2xx
  std::optional<std::string> expect_body;      ///< of each response to a GET
  Mode mode = Mode::hold;
  std::uint64_t connections = 100;
  std::optional<std::uint64_t> messages;  ///< per connection
  MessageSizes sizes{64};
  /// --data, or the bytes of --data-file; empty: bytes unique to connection and message.
  std::string data;
  std::uint64_t depth = 1;
  double rate = 0;  ///< total messages/s; 0: closed loop
  bool poisson = false;
  double connect_rate = 0;                           ///< total connects/s; 0: as answered
  std::optional<std::chrono::nanoseconds> duration;  ///< of the idle time, or of the traffic
  std::chrono::nanoseconds warm_up{0};
  std::uint64_t threads = 1;
  /// Descriptor tables, each of a loop. nullopt: as many as the limit of open files demands.
  std::optional<std::uint64_t> tables = 1;
  std::vector<unsigned> cpus;
  Share share;             ///< of a load that several clients put on the server
  bool has_share = false;  ///< --share was given
  std::optional<std::uint64_t> seed;
  std::uint64_t repeat = 1;
  std::chrono::nanoseconds settle = std::chrono::seconds{65};
  std::vector<AddressRange> sources;
  std::optional<std::chrono::system_clock::time_point> start_at;
  std::optional<Objective> find_rate;
  bool calibrate = false;
  // sockets
  SocketOptions sockets;
  bool half_close = false;
  bool linger_reset = false;
  // bounds
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{5};
  std::chrono::nanoseconds timeout = std::chrono::seconds{10};
  std::optional<std::chrono::nanoseconds> deadline;
  std::uint64_t keep_free = 0;  ///< bytes of free memory below which no connection is opened
  std::vector<std::string> allow_remote;  ///< CIDRs
  // verdict
  std::optional<std::uint64_t> require_conc;
  std::uint64_t max_errors = 0;
  std::optional<Objective> slo;
  // output
  MeasureReceiveLateness receive_lateness = MeasureReceiveLateness::in_open_loop;
  std::optional<pid_t> server_pid;
  std::string json, hgrm, series;
  std::chrono::nanoseconds interval = std::chrono::seconds{1};
  std::map<std::string, std::string> labels;
  bool frames = false;  ///< stdout has frames, for the program that started the client
  bool quiet = false;
  ShowProgress progress = ShowProgress::when_terminal;

  /// Loops of the run, each with its thread and its share of the connections.
  [[nodiscard]] std::uint64_t loops() const {
    return std::min(std::max(threads, tables.value_or(1)), connections);
  }
  [[nodiscard]] bool has_url() const { return !target.path.empty(); }
  [[nodiscard]] ProtocolName protocol() const {
    return has_url() ? ProtocolName::http : given_protocol.value_or(ProtocolName::echo);
  }
  [[nodiscard]] LoopKind loop() const {
    if (rate > 0 || find_rate) return LoopKind::open;
    return mode == Mode::hold ? LoopKind::burst : LoopKind::closed;
  }
  /// A search is without it: the kernel's stamps would lower the rate that it finds.
  [[nodiscard]] bool measures_receive_lateness() const {
    using enum MeasureReceiveLateness;
    return receive_lateness == always ||
           (receive_lateness == in_open_loop && loop() == LoopKind::open && !find_rate);
  }
  /// Messages per connection; 0 in a stream without --messages.
  [[nodiscard]] std::uint64_t messages_each() const {
    return messages.value_or(mode == Mode::stream ? 0 : 1);
  }
  /// Whether the traffic ends by time; otherwise it ends with its last message.
  [[nodiscard]] bool timed() const {
    return mode != Mode::hold && (mode == Mode::churn || duration || !messages);
  }
  /// How long it lasts in that case, without the warm-up.
  [[nodiscard]] std::chrono::nanoseconds traffic_time() const;
  /// How long the connections stay idle after their echoes (hold).
  [[nodiscard]] std::chrono::nanoseconds idle_time() const;
  /// The deadline of the run: the one given, or one derived from the plan that only a hang
  /// reaches.
  [[nodiscard]] std::chrono::nanoseconds effective_deadline() const;
};

/// `wait`, limited to a year: the sum of several waits must fit 64 bits of nanoseconds.
std::chrono::nanoseconds bounded(std::chrono::nanoseconds wait);

/// What the client that has `share` does of `whole`: its part of the connections and of the number
/// required, and rates in proportion to its connections. Throws echo::Exit(exit_usage) where there
/// are fewer connections than clients, or an option cannot be shared.
Options options_of(Options whole, Share share);

/// Throws echo::Exit(exit_usage) for options that contradict each other.
void check(const Options& options);

}  // namespace client
