// limits: which limit of this machine N connections hit first, and the command that lifts it.
//
// Asks by default for a server and the client on one machine, as a first try has it. It changes
// nothing, and nothing has to run. Exit code: 0 all suffice, 3 one does not, 2 usage, 7 output.
//
// Try: limits -n 10000; limits -n 1M --model thread-per-connection; (ulimit -n 9000; limits -n 10k)
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "limits/program/present.hpp"
#include "limits/quantity.hpp"

namespace {

enum ExitCode { enough = 0, usage = 2, refused = 3, internal = 7 };

constexpr std::uint64_t loopback_sources = 16'777'214;  // 127.0.0.1 to 127.255.255.254
constexpr std::uint64_t default_backlog = 4'096;        // the servers' --backlog

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string connections = "10000";
  std::string model = "thread-per-connection";
  std::string stack_size = "64K";
  std::string ends = "both";
  bool stack_size_given = false;
  bool json = false;
};

/// "-n=10" means 10, and "-n -1" is a wrong count, not an option called -1: CLI11 sees it joined.
std::vector<std::string> reworded(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "-n" && i + 1 < argc) word = std::string("--connections=") + argv[++i];
    if (word.starts_with("-n=")) word.replace(0, 2, "--connections");
    words.push_back(std::move(word));
  }
  return words;
}

std::string model_names() {
  std::string names;
  for (const limits::Profile& profile : limits::profiles()) {
    names.append(names.empty() ? "" : ", ").append(profile.name);
  }
  return names;
}

void write_all(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw std::system_error(errno, std::generic_category(), "stdout");
    done += static_cast<std::size_t>(wrote);
  }
}

/// False when help was asked for, and printed.
bool parse(int argc, char** argv, Options& options) {
  CLI::App app(
      "Which limit of this machine N connections hit first, and the command that lifts it.",
      "limits");
  app.add_option("-n,--connections", options.connections, "Connections (k, M: thousands, millions)")
      ->type_name("COUNT")
      ->capture_default_str();
  app.add_option("--model", options.model, "How the server runs them: " + model_names())
      ->type_name("NAME")
      ->capture_default_str();
  const CLI::Option* stack =
      app.add_option("-s,--stack-size", options.stack_size, "Bytes of stack, a thread (K, M, G)")
          ->type_name("SIZE")
          ->capture_default_str();
  app.add_option("--ends", options.ends, "Who runs on this machine: both, server, client")
      ->type_name("WHO")
      ->capture_default_str();
  app.add_flag("--json", options.json, "One JSON document instead of the table");
  std::vector<std::string> words = reworded(argc, argv);
  std::reverse(words.begin(), words.end());  // as CLI11 takes a vector
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    write_all(app.help());
    return false;
  } catch (const CLI::ParseError& error) {
    throw UsageError(
        std::string(error.what()) +
        "; allowed: -n COUNT, --model NAME, --stack-size SIZE, --ends WHO, --json, --help");
  }
  options.stack_size_given = stack->count() > 0;
  return true;
}

template <typename Parser>
auto value_of(const char* option, const std::string& text, Parser parser) {
  try {
    return parser(text);
  } catch (const std::invalid_argument& error) {
    throw UsageError(std::string(option) + ": " + error.what());
  }
}

std::uint64_t stack_bytes(const Options& options, const limits::Profile& profile) {
  if (options.stack_size_given && !profile.threads) {
    std::string takers;
    for (const limits::Profile& other : limits::profiles()) {
      if (other.threads) takers.append(takers.empty() ? "" : ", ").append(other.name);
    }
    throw UsageError("--stack-size: not for --model " + options.model + ", only for " + takers);
  }
  const std::uint64_t bytes = value_of("--stack-size", options.stack_size, limits::parse_size);
  const auto least = static_cast<std::uint64_t>(::sysconf(_SC_THREAD_STACK_MIN));
  if (bytes < least) {
    throw UsageError("--stack-size: \"" + options.stack_size + "\" is below the least stack of " +
                     std::to_string(least) + " bytes (PTHREAD_STACK_MIN)");
  }
  return bytes;
}

const limits::Profile& profile_named(const std::string& name) {
  for (const limits::Profile& profile : limits::profiles()) {
    if (profile.name == name) return profile;
  }
  throw UsageError("--model: \"" + name + "\" is not one of " + model_names());
}

int run(const Options& options) {
  const std::uint64_t count = value_of("-n", options.connections, limits::parse_count);
  if (count == 0) throw UsageError("-n: \"" + options.connections + "\" is not 1 or more");
  const limits::Profile& profile = profile_named(options.model);
  const std::uint64_t stack = stack_bytes(options, profile);
  const bool server = options.ends != "client";
  const bool client = options.ends != "server";
  if (server && client && options.ends != "both") {
    throw UsageError("--ends: \"" + options.ends + "\" is not one of both, server, client");
  }

  limits::Demands demands;
  if (server) demands.push_back({count, profile.traits(stack)});
  if (client) demands.push_back({count, limits::client_traits(), true, loopback_sources});
  const auto verdicts = limits::preflight(demands, limits::read_ceilings(limits::Kernel{}),
                                          server ? default_backlog : 0);

  std::string who = "asked: ";
  if (server) who += "a server, " + options.model;
  if (server && profile.threads) who += " with " + limits::format_bytes(stack) + " stacks";
  if (server && client) who += ", and ";
  if (client) who += "the client, over loopback";
  const limits::Question question{count, options.model, who};
  write_all(options.json ? limits::as_json(question, verdicts)
                         : limits::as_table(question, verdicts));
  return limits::first_refusal(verdicts) == nullptr ? enough : refused;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Options options;
    return parse(argc, argv, options) ? run(options) : enough;
  } catch (const UsageError& error) {
    std::string line = std::string("limits: ") + error.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::fprintf(stderr, "%s\n", line.c_str());
    return usage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "limits: %s\n", error.what());
    return internal;
  }
}
