#include "client/options/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "client/options/http_values.hpp"
#include "client/options/input_file.hpp"
#include "echo/options.hpp"

namespace client {
namespace {

/// Adds an option whose value `take` parses and stores. If it throws std::invalid_argument, the
/// error line names the option.
CLI::Option* add(CLI::App& app, const std::string& names, const std::string& unit,
                 const std::string& what, const std::function<void(const std::string&)>& take) {
  const std::string shown = names.substr(names.rfind(',') + 1);
  return app
      .add_option_function<std::string>(
          names,
          [take, shown](const std::string& text) {
            try {
              take(text);
            } catch (const std::invalid_argument& error) {
              throw CLI::ValidationError(shown, error.what());
            }
          },
          what)
      ->type_name(unit);
}

/// The value that `words` has for `text`. Throws std::invalid_argument with the words allowed.
template <typename Value>
Value chosen(const std::string& text, const std::vector<std::pair<const char*, Value>>& words) {
  std::string allowed;
  for (const auto& [word, value] : words) {
    if (text == word) return value;
    allowed += (allowed.empty() ? "" : ", ") + std::string(word);
  }
  throw std::invalid_argument(fmt::format("\"{}\" is not one of: {}", text, allowed));
}

/// Sets the group of an option in the help.
CLI::Option* load(CLI::Option* option) {
  return option->group("Load");
}

void declare_messages(CLI::App& app, Options& options) {
  load(add(app, "--mode", "hold|stream|churn",
           "hold: connect all, echo, close; stream: echo for a time; churn: connect, echo, "
           "close, repeat",
           [&](const std::string& text) {
             options.mode = chosen<Mode>(
                 text, {{"hold", Mode::hold}, {"stream", Mode::stream}, {"churn", Mode::churn}});
           }))
      ->default_str("hold");
  constexpr std::uint64_t most_connections = 0xfffffff0U;
  load(echo::add_count(app, "-n,--connections", options.connections,
                       "Number of connections to hold; in churn: to keep in flight",
                       {1, most_connections}));
  load(echo::add_count(app, "-m,--messages", options.messages,
                       "Messages per connection; 1 in hold and churn unless given",
                       {1, 0xfffffffeU}));
  auto* size =
      load(add(app, "-s,--size", "BYTES",
               "Message size: 64, a range 64-4096, or weights 64:7,1024:2,65536:1; each "
               "byte identifies its connection and message",
               [&](const std::string& text) { options.sizes = MessageSizes::parse(text); }))
          ->default_str("64");
  auto* data = load(
      app.add_option("--data", options.data,
                     "Text to send instead; bytes of another connection are then not detected"));
  data
      ->check(CLI::Validator(
          [](const std::string& text) { return text.empty() ? "at least one byte" : ""; }, "", ""))
      ->excludes(size)
      ->type_name("TEXT");
  load(add(app, "--data-file", "FILE",
           "The same with the bytes of this file, as they are: one message",
           [&](const std::string& path) {
             options.data = read_input_file(path, MessageSizes::most);
           }))
      ->excludes(size)
      ->excludes(data);
}

/// The option of several values, each of them parsed by `take`.
CLI::Option* add_each(CLI::App& app, const std::string& name, const std::string& unit,
                      const std::string& what,
                      const std::function<void(const std::string&)>& take) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [take, name](const std::vector<std::string>& texts) {
            try {
              for (const std::string& text : texts) take(text);
            } catch (const std::invalid_argument& error) {
              throw CLI::ValidationError(name, error.what());
            }
          },
          what)
      ->expected(1)
      ->allow_extra_args(false)  // what follows the value may be the target
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name(unit);
}

void declare_protocol(CLI::App& app, Options& options) {
  const auto group = [](CLI::Option* option) { return option->group("Protocol"); };
  group(add(app, "--protocol", "echo|http",
            "echo: each message comes back; http: HTTP/1.1, POST /echo with the message as body, "
            "or GET where the target is a URL",
            [&](const std::string& text) {
              options.given_protocol = chosen<ProtocolName>(
                  text, {{"echo", ProtocolName::echo}, {"http", ProtocolName::http}});
            }))
      ->default_str("echo");
  group(add_each(app, "--header", "HEADER",
                 "'Name: value', sent with each HTTP request; may be given several times",
                 [&](const std::string& text) { options.headers.push_back(parse_header(text)); }));
  group(add(app, "--expect-status", "STATUS",
            "Status that each HTTP response must have; unless given, 200 to 299",
            [&](const std::string& text) { options.expect_status = parse_status(text); }));
  group(add(app, "--expect-body", "TEXT|@FILE",
            "Body that each response to a GET must have, byte for byte: this text, or the bytes of "
            "the file",
            [&](const std::string& text) { options.expect_body = parse_expected_body(text); }));
}

void declare_pace(CLI::App& app, Options& options) {
  load(echo::add_count(app, "--depth", options.depth, "Messages in flight per connection",
                       {1, 1024}));
  load(add(app, "-R,--rate", "PER_SECOND",
           "Open loop: messages per second in total, latency from the due time; without it the "
           "loop is closed",
           [&](const std::string& text) { options.rate = parse_rate(text); }));
  load(add(app, "--arrivals", "uniform|poisson",
           "Distribution of the gaps between due times in an open loop",
           [&](const std::string& text) {
             options.poisson = chosen<bool>(text, {{"uniform", false}, {"poisson", true}});
           }))
      ->default_str("uniform");
  load(add(app, "--connect-rate", "PER_SECOND",
           "Connects per second in total; without it, as fast as they are answered",
           [&](const std::string& text) { options.connect_rate = parse_rate(text); }));
  load(echo::add_duration(app, "-d,--duration", options.duration,
                          "stream, churn: length of the traffic (10s); hold: idle time after the "
                          "echoes (0)",
                          true));
  load(echo::add_duration(app, "--warmup", options.warm_up,
                          "Length of the traffic before the measured phase, reported apart", true));
}

void declare_runs(CLI::App& app, Options& options) {
  load(echo::add_count(app, "-t,--threads", options.threads,
                       "Number of threads, each with its share of the load", {1, 1024}));
  load(echo::add_tables(app, options.tables,
                        "Descriptor tables, each with a thread of its own: more connections than "
                        "the limit of open files. auto: as few as suffice"));
  load(add(app, "--cpus", "LIST", "Processors to pin the threads to in turn, such as 0,2-3",
           [&](const std::string& text) { options.cpus = echo::parse_cpus(text); }));
  load(echo::add_count(app, "--seed", options.seed,
                       "Seed of payload, sizes and arrivals; from the clock unless given"));
  load(echo::add_count(app, "--repeat", options.repeat,
                       "Number of rounds; reports the server's resident memory after each",
                       {1, 10'000}));
  load(echo::add_duration(app, "--settle", options.settle,
                          "Longest wait after each round for TIME_WAIT to drain", true));
  load(add(app, "--source", "ADDR,..|CIDR",
           "Source addresses; chosen by the client for a loopback target",
           [&](const std::string& text) {
             for (std::size_t from = 0; from <= text.size();) {
               const std::size_t comma = std::min(text.find(',', from), text.size());
               options.sources.push_back(
                   parse_source(std::string_view(text).substr(from, comma - from)));
               from = comma + 1;
             }
           }));
  load(add(app, "--start-at", "DATE",
           "Start time, 2026-11-21T15:04:05Z or @SECONDS, to start several machines together",
           [&](const std::string& text) { options.start_at = parse_start(text); }));
  load(add(app, "--share", "RANK/RANKS",
           "One of several clients that put this load on the server, such as 0/4: its share of the "
           "connections, and of the rates",
           [&](const std::string& text) {
             options.share = parse_share(text);
             options.has_share = true;
           }));
  load(add(app, "--find-rate", "OBJECTIVE",
           "Find the highest open-loop rate at which the server holds an objective such as p99<5ms",
           [&](const std::string& text) { options.find_rate = Objective::parse(text); }));
  load(app.add_flag(
      "--calibrate", options.calibrate,
      "Measure the client's own cost and capacity against a minimal server that it starts"));
}

void declare_sockets(CLI::App& app, Options& options) {
  const auto group = [](CLI::Option* option) { return option->group("Sockets"); };
  group(app.add_flag("--nodelay,!--no-nodelay", options.sockets.nodelay,
                     "TCP_NODELAY; --no-nodelay leaves Nagle's algorithm on"))
      ->default_str("true");
  group(app.add_flag("--keepalive", options.sockets.keepalive, "SO_KEEPALIVE"));
  group(app.add_flag("--half-close", options.half_close,
                     "Send FIN right after the last message, before its echo"));
  group(app.add_flag("--linger-reset", options.linger_reset, "Close with RST: no TIME_WAIT"));
  const echo::Range buffer{1, 1ULL << 30U};
  group(echo::add_size(app, "--rcvbuf", options.sockets.buffers.receive, "SO_RCVBUF", buffer));
  group(echo::add_size(app, "--sndbuf", options.sockets.buffers.send, "SO_SNDBUF", buffer));
}

void declare_bounds(CLI::App& app, Options& options) {
  const auto group = [](CLI::Option* option) { return option->group("Bounds and verdict"); };
  group(echo::add_duration(app, "--connect-timeout", options.connect_timeout,
                           "Timeout of each connect"));
  group(echo::add_duration(app, "--timeout", options.timeout, "Timeout of each message"));
  group(echo::add_duration(app, "--deadline", options.deadline,
                           "Deadline of the whole run; derived from the plan unless given"));
  group(echo::add_size(app, "--keep-free", options.keep_free,
                       "Open no further connection once the machine has less free memory; the run "
                       "goes on with those that stand"));
  group(
      app.add_option("--allow-remote", options.allow_remote,
                     "Allow a target outside loopback in this network; a load client can do harm"))
      ->expected(1)
      ->allow_extra_args(false)  // what follows the value may be the target
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("CIDR");
  group(echo::add_count(
      app, "--require-conc", options.require_conc,
      "Pass only if this many were open at the same time; unless given, each must be served"));
  group(echo::add_count(app, "--max-errors", options.max_errors,
                        "Pass with at most this many failed connections"));
  group(add(app, "--slo", "OBJECTIVE",
            "Pass only if the latency holds an objective such as p99<5ms,p99.9<50ms",
            [&](const std::string& text) { options.slo = Objective::parse(text); }));
}

void declare_output(CLI::App& app, Options& options) {
  const auto group = [](CLI::Option* option) { return option->group("Output"); };
  group(echo::add_output(app, "--json", options.json,
                         "Write the report as JSON to this file; -: to stdout, without the text"));
  group(echo::add_output(app, "--hgrm", options.hgrm,
                         "Write the latencies to this file in HdrHistogram's text format; -: as "
                         "--json"));
  group(echo::add_output(app, "--series", options.series,
                         "Write a line of JSON per interval to this file; -: as --json"));
  group(app.add_flag("--frames", options.frames,
                     "Write frames for the program that started this client to stdout, in place of "
                     "the report"));
  group(add(app, "--receive-lateness", "auto|always|never",
            "Measure how long echoes lie in the client's sockets before it reads them; the kernel "
            "then stamps every packet of the machine. auto: in an open loop",
            [&](const std::string& text) {
              using enum MeasureReceiveLateness;
              options.receive_lateness = chosen<MeasureReceiveLateness>(
                  text, {{"auto", in_open_loop}, {"always", always}, {"never", never}});
            }))
      ->default_str("auto");
  group(
      echo::add_duration(app, "--interval", options.interval, "Interval of --series and --frames"));
  group(app.add_option("--server-pid", options.server_pid,
                       "Process id of the server, if it cannot be found by its listener"))
      ->check(CLI::PositiveNumber)
      ->type_name("PID");
  group(add_each(app, "--label", "KEY=VALUE",
                 "Label to store in the JSON; may be given several times",
                 [&](const std::string& text) {
                   const auto [key, value] = parse_label(text);
                   options.labels[key] = value;
                 }));
  group(app.add_flag("-q,--quiet", options.quiet, "Print only the first three lines"));
  group(add(app, "--progress", "auto|always|never",
            "Progress on stderr: auto (a live line on a terminal, else one every 10 s), always "
            "(every second), never",
            [&](const std::string& text) {
              options.progress = chosen<ShowProgress>(text, {{"auto", ShowProgress::when_terminal},
                                                             {"always", ShowProgress::always},
                                                             {"never", ShowProgress::never}});
            }))
      ->default_str("auto");
}

}  // namespace

void declare(CLI::App& app, Options& options) {
  add(app, "target", "HOST[:PORT[-PORT]]|URL",
      "Server to load, or what to GET: http://HOST[:PORT]/PATH",
      [&](const std::string& text) {
        const bool is_url = text.find("://") != std::string::npos;
        options.target = is_url ? parse_url(text) : parse_target(text);
      })
      ->default_str("localhost:1234");
  declare_protocol(app, options);
  declare_messages(app, options);
  declare_pace(app, options);
  declare_runs(app, options);
  declare_sockets(app, options);
  declare_bounds(app, options);
  declare_output(app, options);
}

}  // namespace client
