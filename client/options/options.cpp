#include "client/options/options.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "client/connection/http_request.hpp"
#include "client/options/http_values.hpp"
#include "echo/exit_code.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds usual_traffic{10};
constexpr std::uint32_t usual_size = 64;
constexpr std::chrono::hours longest_wait{24 * 365};
/// Generous: a search for --find-rate takes about a minute.
constexpr seconds longest_search{300};
/// --start-at may be this long ago: a shell computes it in whole seconds.
constexpr seconds late_start{1};

}  // namespace

std::string_view name_of(Mode mode) {
  return mode == Mode::hold ? "hold" : mode == Mode::stream ? "stream" : "churn";
}

std::string_view name_of(LoopKind loop) {
  return loop == LoopKind::open ? "open" : loop == LoopKind::burst ? "burst" : "closed";
}

std::string_view name_of(ProtocolName protocol) {
  return protocol == ProtocolName::http ? "http" : "echo";
}

nanoseconds bounded(nanoseconds wait) {
  return std::min<nanoseconds>(wait, longest_wait);
}

nanoseconds Options::traffic_time() const {
  return bounded(duration.value_or(usual_traffic));
}

nanoseconds Options::idle_time() const {
  return mode == Mode::hold ? bounded(duration.value_or(seconds{0})) : nanoseconds{0};
}

nanoseconds Options::effective_deadline() const {
  if (deadline) return bounded(*deadline);
  const auto connects = static_cast<double>(connections);
  const double echoes = connects * static_cast<double>(messages_each());
  // Generous: 1 ms per connect, 0.2 ms per echo, each timeout once. A run that needs more hangs.
  double needed = 10 + connects * 1e-3 + (connect_rate > 0 ? connects / connect_rate : 0);
  if (!timed()) needed += echoes * 2e-4 + (rate > 0 ? echoes / rate : 0);
  const double size = data.empty() ? sizes.mean() : static_cast<double>(data.size());
  if (!timed()) needed += echoes * size * 1e-7;
  auto waits = bounded(connect_timeout) * 2 + bounded(timeout) * 2 + idle_time();
  if (timed()) waits += traffic_time() + bounded(warm_up);
  if (find_rate) waits += longest_search;
  const double at_most = std::chrono::duration<double>(longest_wait).count();
  const nanoseconds round =
      nanoseconds(static_cast<std::int64_t>(std::min(needed, at_most) * 1e9)) + waits;
  if (repeat == 1) return round;
  const double rounds = static_cast<double>(repeat);
  const std::chrono::duration<double> all = (round + bounded(settle)) * rounds;
  return nanoseconds(static_cast<std::int64_t>(std::min(all.count(), at_most) * 1e9));
}

namespace {

void check_protocol(const Options& options) {
  const auto refuse_if = [](bool wrong, const std::string& why) {
    if (wrong) throw echo::Exit(echo::exit_usage, why);
  };
  const bool http = options.protocol() == ProtocolName::http;
  const bool has_size =
      !options.data.empty() || options.sizes.varies() || options.sizes.largest() != usual_size;
  refuse_if(options.has_url() && options.given_protocol == ProtocolName::echo,
            "--protocol echo: not with a URL, whose protocol is HTTP; give HOST:PORT");
  refuse_if(!http && (!options.headers.empty() || options.expect_status || options.expect_body),
            "--header, --expect-status, --expect-body: only with HTTP: give http://HOST:PORT/PATH, "
            "or --protocol http");
  refuse_if(http && !options.has_url() && options.expect_body,
            "--expect-body: only with a URL; without one the body of POST /echo is expected back");
  refuse_if(options.has_url() && has_size,
            "--size, --data, --data-file: not with a URL, which is asked for with GET; --protocol "
            "http and HOST:PORT send bodies (POST /echo)");
  refuse_if(http && options.calibrate, "--calibrate: measures the echo, not HTTP");
  refuse_if(http && !is_host_text(options.target.host),
            "target: a host of visible ASCII characters, for the Host header");
  refuse_if(http && options.target.first_port != options.target.last_port,
            "target: one port with HTTP, not PORT-PORT: each request has the same Host header");
  refuse_if(options.depth > 1 && has_close(options.headers),
            "--header 'Connection: close': only with --depth 1; no request may follow on the "
            "connection");
  refuse_if(
      options.mode == Mode::churn && options.messages_each() > 1 && has_close(options.headers),
      "--header 'Connection: close': in churn only with one message per connection (-m 1)");
}

/// What does not go with --frames, which needs stdout.
void check_frames(const Options& options) {
  if (!options.frames) return;
  if (options.calibrate || options.find_rate) {
    throw echo::Exit(echo::exit_usage,
                     "--frames: not with --calibrate or --find-rate, which are for a client alone");
  }
  for (const auto& [name, path] : {std::pair{"--json", &options.json},
                                   {"--hgrm", &options.hgrm},
                                   {"--series", &options.series}}) {
    if (*path == "-") {
      throw echo::Exit(
          echo::exit_usage,
          fmt::format("{} -: not with --frames, which write to stdout; give a file", name));
    }
  }
}

}  // namespace

void check(const Options& options) {
  check_protocol(options);
  check_frames(options);
  const auto refuse_if = [](bool wrong, const std::string& why) {
    if (wrong) throw echo::Exit(echo::exit_usage, why);
  };
  const bool churn = options.mode == Mode::churn;
  const bool hold = options.mode == Mode::hold;
  const bool open = options.loop() == LoopKind::open;
  refuse_if(churn && options.rate > 0, "--rate: not with churn; --connect-rate paces its connects");
  refuse_if(options.poisson && !open, "--arrivals poisson: only in an open loop (--rate)");
  refuse_if(hold && options.warm_up.count() > 0, "--warmup: only in stream and churn");
  refuse_if(!hold && options.duration && options.duration->count() == 0,
            "--duration: must be above 0 in stream and churn");
  refuse_if(options.half_close && options.messages_each() == 0,
            "--half-close: in stream only with --messages, which sets the last message");
  refuse_if(options.find_rate && options.rate > 0,
            "--find-rate: not with --rate, which it chooses itself");
  refuse_if(options.find_rate && (churn || options.messages || options.repeat > 1),
            "--find-rate: not with churn, --messages or --repeat");
  refuse_if(options.find_rate && options.receive_lateness == MeasureReceiveLateness::always,
            "--receive-lateness always: not with --find-rate");
  refuse_if(options.tables.value_or(1) > 1 && *options.tables < options.threads,
            fmt::format("--tables: 1, auto, or at least the {} of --threads: each thread has a "
                        "table of its own",
                        options.threads));
  refuse_if(churn && options.keep_free > 0,
            "--keep-free: not with churn, which holds few connections");
  refuse_if(options.find_rate && options.half_close, "--half-close: not with --find-rate");
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const bool known = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  for (const unsigned cpu : options.cpus) {
    if (known && !CPU_ISSET(cpu, &allowed)) {
      throw echo::Exit(echo::exit_usage,
                       fmt::format("--cpus: this process may not run on processor {}", cpu));
    }
  }
  refuse_if(options.calibrate && options.find_rate, "--calibrate: not with --find-rate");
  refuse_if(options.calibrate && !options.series.empty(), "--calibrate: not with --series");
  if (options.start_at) {
    const nanoseconds ago = std::chrono::system_clock::now() - *options.start_at;
    if (ago > late_start) {
      throw echo::Exit(echo::exit_usage, "--start-at: a time in the future; this one was " +
                                             limits::format_duration(ago) + " ago");
    }
  }
  if (options.server_pid && ::kill(*options.server_pid, 0) != 0 && errno == ESRCH) {
    throw echo::Exit(echo::exit_usage,
                     fmt::format("--server-pid: there is no process {}", *options.server_pid));
  }
  if (options.interval < std::chrono::milliseconds{10})
    throw echo::Exit(echo::exit_usage, "--interval: 10ms or longer");
}

Options options_of(Options whole, Share share) {
  const auto refuse_if = [](bool wrong, const std::string& why) {
    if (wrong) throw echo::Exit(echo::exit_usage, why);
  };
  if (share.is_whole()) return whole;
  refuse_if(whole.find_rate.has_value(), "--find-rate: not with several clients");
  refuse_if(whole.calibrate, "--calibrate: not with several clients");
  refuse_if(whole.connections < share.ranks,
            fmt::format("--connections: at least one for each of the {} clients", share.ranks));
  Options mine = std::move(whole);
  const std::uint64_t all = mine.connections;
  mine.share = share;
  mine.connections = share.of(all);
  const double part = static_cast<double>(mine.connections) / static_cast<double>(all);
  mine.rate *= part;
  mine.connect_rate *= part;
  if (mine.require_conc) mine.require_conc = share.of(*mine.require_conc);
  return mine;
}

}  // namespace client
