#include "limits/program/model_demand.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "echo/demand.hpp"
#include "echo/describe.hpp"
#include "echo/descriptor.hpp"
#include "echo/exit_code.hpp"
#include "limits/groups/task_shortage.hpp"

namespace limits {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::array servers{"echo_threads", "echo_async"};
/// Longest wait for --describe, which takes some milliseconds, and the largest output: a program
/// that is no server must neither block this one nor fill its memory.
constexpr std::chrono::seconds patience{5};
constexpr std::size_t largest_output = 4U << 20U;

struct Output {
  int code = 0;
  std::string out, err;
};

std::pair<echo::Descriptor, echo::Descriptor> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  return {echo::Descriptor{ends[0]}, echo::Descriptor{ends[1]}};
}

/// Appends the available bytes of `from`; false at its end.
bool read_some(const echo::Descriptor& from, std::string& text) {
  char buffer[4096];
  const ssize_t got = ::read(from.get(), buffer, sizeof buffer);
  if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

/// Reads both outputs to their ends; false when that takes too long or is too much.
bool read_both(const echo::Descriptor& out, const echo::Descriptor& err,
               Clock::time_point give_up_at, Output& output) {
  pollfd entries[2] = {{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}};
  while (entries[0].fd >= 0 || entries[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up_at - Clock::now());
    if (left.count() <= 0 || output.out.size() + output.err.size() > largest_output) return false;
    if (::poll(entries, 2, static_cast<int>(left.count())) < 0) continue;  // EINTR
    if (entries[0].revents != 0 && !read_some(out, output.out)) entries[0].fd = -1;
    if (entries[1].revents != 0 && !read_some(err, output.err)) entries[1].fd = -1;
  }
  return true;
}

/// Waits for the end of `pid`; false when that takes too long. A program may close its outputs and
/// go on.
bool wait_until(Clock::time_point give_up_at, pid_t pid, int& status) {
  for (;;) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return true;
    if (ended < 0 && errno != EINTR) return false;
    if (Clock::now() >= give_up_at) return false;
    ::poll(nullptr, 0, 1);
  }
}

void kill_and_reap(pid_t pid) {
  if (pid <= 0) return;  // such a number stands for a whole group of processes
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void cannot_run(const std::string& path, const std::string& why) {
  throw echo::Exit(echo::exit_internal,
                   path + ": " + why +
                       "; limits runs the server beside it to get the demand of a "
                       "model (--ends client runs none)");
}

/// Runs `words` and waits for its end.
Output run(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  auto [out, out_end] = make_pipe();
  auto [err, err_end] = make_pipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out_end.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err_end.get(), STDERR_FILENO);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, words.front().c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == EAGAIN) {
    throw echo::Exit(echo::exit_refused, words.front() + ": no process can be started: " +
                                             task_shortage(read_ceilings(Kernel{})));
  }
  if (error != 0) cannot_run(words.front(), std::strerror(error));
  out_end.reset();
  err_end.reset();

  const auto give_up_at = Clock::now() + patience;
  Output output;
  int status = 0;
  if (!read_both(out, err, give_up_at, output) || !wait_until(give_up_at, pid, status)) {
    kill_and_reap(pid);
    cannot_run(words.front(), "it does not end after --describe");
  }
  output.code = WIFEXITED(status) ? WEXITSTATUS(status) : echo::exit_signal + WTERMSIG(status);
  return output;
}

/// The --describe document of the server at `path`.
json::object describe(const std::filesystem::path& path, const std::vector<std::string>& options) {
  std::vector<std::string> words{path.string()};
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--describe");
  Output output = run(std::move(words));
  if (output.code != echo::exit_pass) {
    std::string line = output.err.substr(0, output.err.find('\n'));
    if (line.empty())
      line = path.filename().string() + " ended with " + std::to_string(output.code);
    // Without options of the user it is the program that is at fault: too old, or it crashes.
    if (options.empty() || output.code >= echo::exit_signal) cannot_run(path.string(), line);
    throw echo::Exit(output.code, line);
  }
  boost::system::error_code error;
  json::value document = json::parse(output.out, error);
  if (error || !document.is_object() ||
      document.as_object()["schema"] != json::value(echo::describe_schema_name)) {
    cannot_run(path.string(), "it prints no description with --describe");
  }
  return std::move(document.as_object());
}

const json::object* find_model(const json::object& document, const std::string& name) {
  for (const json::value& model : document.at("models").as_array()) {
    if (model.at("name").as_string() == name) return &model.as_object();
  }
  return nullptr;
}

/// The demand of a model of the server at `path` under `options`.
ModelDemand demand_from(const std::filesystem::path& path, const std::string& model,
                        std::uint64_t connections, const std::vector<std::string>& options) {
  std::vector<std::string> words{"--model", model, "--max-connections",
                                 std::to_string(connections)};
  words.insert(words.end(), options.begin(), options.end());
  const json::object document = describe(path, words);
  const json::object* found = find_model(document, model);
  if (found == nullptr) throw std::invalid_argument("no model " + model);
  return {.program = path.filename().string(),
          .traits = echo::traits_from(found->at("demand").as_object()),
          .backlog = found->at("backlog").to_number<std::uint64_t>()};
}

}  // namespace

Servers Servers::beside_this_program() {
  return Servers{std::filesystem::read_symlink("/proc/self/exe").parent_path()};
}

ModelDemand Servers::demand_of(const std::string& model, std::uint64_t connections,
                               const std::vector<std::string>& options) const {
  std::string names;
  for (const char* program : servers) {
    const std::filesystem::path path = folder_ / program;
    try {
      const json::object all = describe(path, {});
      if (find_model(all, model) != nullptr) {
        return demand_from(path, model, connections, options);
      }
      for (const json::value& each : all.at("models").as_array()) {
        names.append(names.empty() ? "" : ", ").append(each.at("name").as_string());
      }
    } catch (const echo::Exit&) {
      throw;
    } catch (const std::exception& error) {  // a key is absent, or of another type
      cannot_run(path.string(), std::string("its description is malformed: ") + error.what());
    }
  }
  throw echo::Exit(echo::exit_usage, "--model: \"" + model + "\" is not one of " + names);
}

}  // namespace limits
