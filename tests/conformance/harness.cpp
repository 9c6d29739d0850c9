#include "tests/conformance/harness.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "server/program/tables.hpp"
#include "tests/conformance/eventually.hpp"

namespace conformance {
namespace {

/// More than the connections of any test at one time; few enough to fork in each test.
constexpr const char* many_workers = "64";

server::Configured configured_of(const server::Model& model, const server::ServerOptions& options,
                                 std::vector<std::string> own, CLI::App& app) {
  server::Configured configured = model.configure(app);
  const bool serves_one_each = configured.shape_of(options).at_once.has_value();
  if (app.get_option_no_throw("--workers") != nullptr &&
      std::find(own.begin(), own.end(), "--workers") == own.end()) {
    own.insert(own.end(), {"--workers", serves_one_each ? many_workers : "2"});
  }
  std::reverse(own.begin(), own.end());  // CLI11 parses a vector from its end
  app.parse(own);
  if (configured.check) configured.check(options);
  return configured;
}

}  // namespace

server::ServerOptions loopback() {
  server::ServerOptions options;
  options.port = 0;
  return options;
}

server::ServerOptions with_small_send_buffers() {
  server::ServerOptions options = loopback();
  options.socket.buffers.send = 1;  // the kernel's minimum, 4,608
  return options;
}

Harness::Harness(const server::Model& model, const server::ServerOptions& options,
                 std::vector<std::string> own)
    : model_(model),
      options_(options),
      app_(std::make_unique<CLI::App>()),
      configured_(configured_of(model, options, std::move(own), *app_)),
      shape_(server::shape_of_table(configured_, options)),
      listeners_(echo::resolve(options.bind, options.port).front(), options.backlog,
                 shape_.listeners, options.socket, tables() > 1),
      counters_(shape_.workers * tables()) {}

Harness::~Harness() {
  if (!stop() && !ends_within(patience)) {
    if (child_ > 0) ::kill(child_, SIGKILL);  // it would go on for ever
    std::fprintf(stderr, "model %s still serves %lld s after a forced stop\n",
                 std::string(model_.name).c_str(), static_cast<long long>(patience.count()));
    std::abort();
  }
  if (thread_.joinable()) thread_.join();
}

bool Harness::takes_descriptors() const {
  const auto at = [this](std::uint64_t n) { return configured_.demand(options_, n).descriptors(); };
  return at(100'000) > at(1);
}

void Harness::run(const std::function<void()>& listening) {
  try {
    const server::Serving serving{options_, listeners_, *protocol_,   options_.work,
                                  stop_,    counters_,  measurements_};
    if (tables() == 1) return configured_.serve(serving);
    server::Tables all{model_, configured_, serving, tables()};
    listening();
    all.serve();
  } catch (const std::exception& error) {
    complaint_ = error.what();
  }
}

void Harness::serve() {
  std::promise<void> listening;
  thread_ = std::thread([this, &listening] {
    run([&listening] { listening.set_value(); });
    ended_.set_value();
  });
  if (tables() > 1) listening.get_future().wait();
}

void Harness::serve_in_child(std::uint64_t open_files) {
  serve_in_child([open_files] {
    const rlimit few{open_files, open_files};
    return ::setrlimit(RLIMIT_NOFILE, &few) == 0;
  });
}

void Harness::serve_in_child(const std::function<bool()>& prepare) {
  std::fflush(stdout);  // both processes would write what is buffered
  int pipe[2];
  if (::pipe(pipe) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  child_ = ::fork();
  if (child_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child_ == 0) {
    ::close(pipe[0]);
    if (!prepare()) ::_exit(2);
    if (tables() == 1) ::close(pipe[1]);  // the descriptors that a test allows are the server's
    run([&pipe] { ::close(pipe[1]); });
    if (!complaint_.empty()) std::fprintf(stderr, "in the child: %s\n", complaint_.c_str());
    ::_exit(complaint_.empty() ? 0 : 1);
  }
  ::close(pipe[1]);
  char none = 0;
  [[maybe_unused]] const auto end = ::read(pipe[0], &none, 1);  // all tables listen, or it ended
  ::close(pipe[0]);
  // Only the child keeps the listeners: a copy here would keep the address listening after its
  // stop.
  [[maybe_unused]] const auto closed = listeners_.take();
}

bool Harness::ends_within(std::chrono::milliseconds bound) {
  if (thread_.joinable()) return end_.wait_for(bound) == std::future_status::ready;
  return child_ < 0 || eventually(
                           [this] {
                             int status = 0;
                             if (::waitpid(child_, &status, WNOHANG) == 0) return false;
                             if (status != 0)
                               complaint_ = "child ended with " + std::to_string(status);
                             child_ = -1;
                             return true;
                           },
                           bound);
}

bool Harness::stop() {
  drain();
  if (ends_within(patience)) return true;
  force();
  return false;
}

}  // namespace conformance
