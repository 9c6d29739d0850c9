#include "client/options.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include "echo/exit_code.hpp"
#include "echo/options.hpp"

namespace client {
namespace {

using std::chrono::nanoseconds;

/// One of `names`, whole, at the start of an argument: its length, or 0.
std::size_t spelled_as(std::string_view argument, std::string_view name) {
  if (argument.substr(0, name.size()) != name) return 0;
  const bool whole = argument.size() == name.size() || argument[name.size()] == '=';
  return whole ? name.size() : 0;
}

/// Messages a second: a number, with k or M behind it if you like.
double parse_rate(const std::string& text) {
  double rate = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, rate);
  const std::string_view suffix(end, static_cast<std::size_t>(last - end));
  if (suffix == "k" || suffix == "K") {
    rate *= 1e3;
  } else if (suffix == "m" || suffix == "M") {
    rate *= 1e6;
  } else if (!suffix.empty()) {
    rate = 0;
  }
  const bool good = error == std::errc{} && rate >= 0.001 && rate <= 1e9;
  if (!good) {
    throw CLI::ValidationError("--rate",
                               fmt::format("\"{}\": messages a second, from 0.001 to 1000M", text));
  }
  return rate;
}

ShowProgress parse_progress(const std::string& text) {
  if (text == "auto") return ShowProgress::when_terminal;
  if (text == "always") return ShowProgress::always;
  if (text == "never") return ShowProgress::never;
  throw CLI::ValidationError("--progress", fmt::format("\"{}\": auto, always or never", text));
}

}  // namespace

nanoseconds Options::effective_deadline() const {
  if (deadline) return bounded(*deadline);
  const auto connects = static_cast<double>(connections);
  const double echoes = connects * static_cast<double>(messages);
  // Generous: 1 ms a connect, 0.2 ms an echo, each timeout once; a run that needs more hangs.
  double seconds = 10 + connects * 1e-3 + echoes * 2e-4 + (rate > 0 ? echoes / rate : 0);
  seconds += echoes * static_cast<double>(data.empty() ? size : data.size()) * 1e-7;
  const double at_most = std::chrono::duration<double>(longest_wait).count();
  const auto waits = bounded(idle) + bounded(connect_timeout) * 2 + bounded(timeout) * 2;
  return nanoseconds(static_cast<std::int64_t>(std::min(seconds, at_most) * 1e9)) + waits;
}

void declare(CLI::App& app, Options& options) {
  app.add_option_function<std::string>(
         "target",
         [&options](const std::string& text) {
           try {
             options.target = echo::parse_host_port(text, "localhost", 1234);
           } catch (const std::invalid_argument& error) {
             throw CLI::ValidationError("HOST[:PORT]", error.what());
           }
         },
         "Server to load")
      ->type_name("HOST[:PORT]")
      ->default_str("localhost:1234");
  constexpr std::uint64_t most_connections = 0xfffffff0U;
  echo::add_count(app, "-n,--connections", options.connections, "Sockets to hold at once",
                  {1, most_connections});
  echo::add_count(app, "-m,--messages", options.messages, "Messages on each connection",
                  {1, 0xfffffffeU});
  auto* size =
      echo::add_size(app, "-s,--size", options.size,
                     "Message size; each byte tells its connection and message", {1, 1ULL << 30U});
  app.add_option("--data", options.data,
                 "Send this text instead; foreign bytes cannot be told then")
      ->check(CLI::Validator(
          [](const std::string& text) { return text.empty() ? "at least one byte" : ""; }, "", ""))
      ->excludes(size)
      ->type_name("TEXT");
  app.add_option_function<std::string>(
         "-R,--rate", [&options](const std::string& text) { options.rate = parse_rate(text); },
         "Open loop: messages a second in all, latency from when each was due; without it, a burst")
      ->type_name("PER_SECOND");
  echo::add_duration(app, "-d,--duration", options.idle,
                     "Let all connections stand this long after the echoes", true);
  echo::add_duration(app, "--connect-timeout", options.connect_timeout, "For each connect");
  echo::add_duration(app, "--timeout", options.timeout, "For each message");
  echo::add_duration(app, "--deadline", options.deadline,
                     "For the whole run; derived from the plan unless given");
  app.add_option("--server-pid", options.server_pid,
                 "The server's process, where it cannot be found by its listener")
      ->check(CLI::PositiveNumber)
      ->type_name("PID");
  app.add_option(
         "--allow-remote", options.allow_remote,
         "Allow a target outside loopback that lies in this network: a load client is a weapon")
      ->type_name("CIDR");
  app.add_option("--json", options.json,
                 "Write the report there as JSON; -: to stdout, and nothing else")
      ->type_name("FILE|-");
  app.add_flag("-q,--quiet", options.quiet, "Only the first three lines");
  app.add_option_function<std::string>(
         "--progress",
         [&options](const std::string& text) { options.progress = parse_progress(text); },
         "On stderr: auto (a live line on a terminal, else one every 10 s), always (every second), "
         "never")
      ->default_str("auto")
      ->type_name("WHEN");
}

std::vector<std::string> modernised(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value_of = [&](std::size_t name_length) {
      if (name_length < argument.size()) return argument.substr(name_length + 1);
      return i + 1 < argc ? std::string(argv[++i]) : std::string();
    };
    if (const auto length = spelled_as(argument, "-host")) {
      if (length == argument.size() && i + 1 == argc) {
        throw echo::Exit(echo::exit_usage, "-host: HOST[:PORT] is missing");
      }
      arguments.push_back(value_of(length));
    } else if (const auto data = spelled_as(argument, "-data")) {
      arguments.push_back("--data=" + value_of(data));
    } else if (spelled_as(argument, "-n") != 0 && argument.size() > 2) {
      arguments.push_back("--connections=" + argument.substr(3));
    } else {
      arguments.push_back(argument);
    }
  }
  return arguments;
}

bool lies_in(const echo::Endpoint& endpoint, const std::vector<std::string>& cidrs) {
  for (const std::string& cidr : cidrs) {
    const std::size_t slash = cidr.find('/');
    const std::string address = cidr.substr(0, slash);
    const bool v6 = address.find(':') != std::string::npos;
    unsigned char network[16] = {};
    unsigned bits = v6 ? 128 : 32;
    const unsigned most = bits;
    const char* end = cidr.data() + cidr.size();
    bool good = ::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), network) == 1;
    if (good && slash != std::string::npos) {
      const auto parsed = std::from_chars(cidr.data() + slash + 1, end, bits);
      good = parsed.ec == std::errc{} && parsed.ptr == end && bits <= most;
    }
    if (!good)
      throw std::invalid_argument(fmt::format("\"{}\": a network as 10.0.0.0/8 or fd00::/8", cidr));
    if (endpoint.family() != (v6 ? AF_INET6 : AF_INET)) continue;
    const auto* mine =
        v6 ? reinterpret_cast<const sockaddr_in6*>(endpoint.data())->sin6_addr.s6_addr
           : reinterpret_cast<const unsigned char*>(
                 &reinterpret_cast<const sockaddr_in*>(endpoint.data())->sin_addr);
    bool inside = true;
    for (unsigned bit = 0; bit < bits && inside; ++bit) {
      const unsigned mask = 0x80U >> (bit % 8);
      inside = (mine[bit / 8] & mask) == (network[bit / 8] & mask);
    }
    if (inside) return true;
  }
  return false;
}

}  // namespace client
