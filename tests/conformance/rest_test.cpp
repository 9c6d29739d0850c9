// CPU at rest: a server whose connections do nothing uses none, whatever state they are in.
//
// The test prints a row per model with the CPU of the server, its threads and its processes, in
// percent of one core. All rows, as a table:
//   build/tests/conformance_tests --gtest_filter='*UsesNoCpuAtRest*' | grep '^|' |
//     awk '!seen[$0]++'
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "limits/cpu.hpp"
#include "tests/conformance/call_script.hpp"
#include "tests/conformance/every_model.hpp"
#include "tests/conformance/offspring.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using server::ServerOptions;

/// Instrumented code is checked for loops that spin, over a shorter time.
#if defined(TESTBED_SANITIZES_THREAD) || defined(TESTBED_SANITIZES_ADDRESS)
constexpr std::chrono::milliseconds window = 2s;
#else
constexpr std::chrono::milliseconds window = 5s;
#endif
/// In percent of one core, over the window.
constexpr double most_at_rest = 1;

/// Enough for some connections, beside the descriptors that a model itself needs.
constexpr std::uint64_t open_files = 96;

ServerOptions with_sleeping_work() {
  ServerOptions options = loopback();
  options.work = server::Work::parse("sleep:1h");
  return options;
}

/// One server, in a process of its own, and the peers that hold it in a state.
class State {
 public:
  using Prepare = std::function<bool()>;

  State(const server::Model& model, std::string name, const ServerOptions& options,
        const std::vector<std::string>& own)
      : name_(std::move(name)), server_(model, options, own) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  /// Kills the server: in some states even a forced stop would have to wait.
  ~State() {
    if (server_.child() > 0) ::kill(server_.child(), SIGKILL);
  }

  /// Forks. Each server is forked before any peer connects: it would inherit the peers' sockets.
  void serve(const Prepare& prepare) { server_.serve_in_child(prepare); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Harness& server() { return server_; }
  [[nodiscard]] std::vector<Peer>& peers() { return peers_; }
  Peer& connect(Buffers buffers = Buffers::usual) {
    return peers_.emplace_back(server_.where(), buffers);
  }
  /// `count` peers, or as many as are served at once, each with one message echoed.
  void connect_served(std::uint64_t count, const echo::Payload& payload) {
    count = std::min(count, server_.at_once());
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_TRUE(echoes(connect(), payload, {i, 0}));
  }
  void expect_open(std::uint64_t count) {
    EXPECT_TRUE(eventually([&] { return server_.counters().open() == count; })) << name_;
  }

  /// CPU time of the server until now, with its threads and processes.
  [[nodiscard]] std::chrono::nanoseconds cpu() const {
    const std::vector<pid_t> pids = family(server_.child());
    return limits::cpu_time(pids).value_or(0ns) + limits::children_cpu_time(pids);
  }

 private:
  std::string name_;
  Harness server_;
  std::vector<Peer> peers_;
};

/// Sends from all `peers` until none has had room for half a second.
void send_until_all_block(const std::vector<const Peer*>& peers) {
  constexpr int quiet_ms = 500;
  static constexpr std::array<std::byte, 65536> bytes{};
  std::vector<pollfd> entries;
  for (const Peer* peer : peers) entries.push_back({peer->fd(), POLLOUT, 0});
  const auto deadline = Clock::now() + patience;
  while (Clock::now() < deadline && ::poll(entries.data(), entries.size(), quiet_ms) > 0) {
    for (const pollfd& entry : entries) {
      if (entry.revents == 0) continue;
      ASSERT_TRUE((entry.revents & POLLOUT) != 0) << "the server has ended the connection";
      ::send(entry.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  ASSERT_LT(Clock::now(), deadline) << "the server takes more and more";
}

bool is_refused(const echo::Endpoint& where) {
  try {
    const Peer late{where};
    return false;
  } catch (const std::system_error& error) {
    return error.code().value() == ECONNREFUSED;
  }
}

/// The states that one model can be in.
class StatesOfRest {
 public:
  StatesOfRest(const server::Model& model, const echo::Payload& payload)
      : model_(model), payload_(payload) {
    CLI::App app;
    const server::Configured configured = model.configure(app);
    const server::Shape shape = configured.shape_of(loopback());
    spins_ = shape.spins;
    waits_in_queue_ = shape.at_once.has_value();
    if (app.get_option_no_throw("--workers") != nullptr) {
      own_ = {"--workers", waits_in_queue_ ? "4" : "2"};
    }
  }

  /// A state, and its name; empty where the model cannot be in it.
  struct Column {
    std::string name;
    std::optional<State>& state;
  };

  /// Brings all states about, each in its own server. All are forked before any peer connects.
  void begin() {
    ServerOptions few = loopback();
    few.max_connections = 3;
    add("no connection", none_, loopback());
    add("idle connections", idle_, loopback());
    add("peer does not read", mute_, loopback());
    add("the same, half-closed", mute_half_closed_, loopback());
    add("the same, reset", mute_reset_, loopback());
    add("half-closed", half_closed_, loopback());
    add("work sleeps", sleeping_, with_sleeping_work());
    add("no descriptor", full_, loopback(), none_->server().takes_descriptors(), [] {
      const rlimit most{open_files, open_files};
      return ::setrlimit(RLIMIT_NOFILE, &most) == 0;
    });
    add("--max-connections", crowded_, few);
    add("all workers busy", queued_, loopback(), waits_in_queue_);
    const bool calls_accept = model_.name != "io-uring";  // which accepts without a system call
    add("each accept fails", unaccepted_, loopback(), calls_accept, [this] {
      return faults_.install({{SYS_accept, EPERM, {}}, {SYS_accept4, EPERM, {}}});
    });
    add("drain", draining_, with_small_send_buffers());
    add("drain, work sleeps", draining_asleep_, with_sleeping_work());
    connect();
  }

  /// Whether the model never waits, by design.
  [[nodiscard]] bool spins() const { return spins_; }
  [[nodiscard]] std::vector<Column>& columns() { return columns_; }

 private:
  void add(
      const std::string& name, std::optional<State>& state, const ServerOptions& options,
      bool possible = true, const State::Prepare& prepare = [] { return true; }) {
    columns_.push_back({name, state});
    if (!possible) return;
    state.emplace(model_, name, options, own_);
    state->serve(prepare);
  }

  void connect() {
    idle_->connect_served(3, payload_);

    std::vector<const Peer*> mute;
    for (State* state : {&*mute_, &*mute_half_closed_, &*mute_reset_, &*draining_}) {
      mute.push_back(&state->connect(Buffers::small));
    }
    send_until_all_block(mute);
    mute_half_closed_->peers().front().half_close();
    mute_reset_->peers().front().reset();
    mute_reset_->expect_open(0);

    half_closed_->connect_served(3, payload_);
    for (Peer& peer : half_closed_->peers()) peer.half_close();
    half_closed_->expect_open(0);

    for (State* state : {&*sleeping_, &*draining_asleep_}) fall_asleep(*state);
    if (full_) fill(*full_);
    crowded_->connect_served(3, payload_);
    for (int i = 0; i < 3; ++i) crowded_->connect();
    if (queued_) {
      queued_->connect_served(4, payload_);
      for (int i = 0; i < 3; ++i) queued_->connect();
    }
    if (unaccepted_) {
      faults_.fail_next(CallFaults::for_ever);
      unaccepted_->connect();
      EXPECT_TRUE(eventually([this] { return faults_.failed() > 0; }));
    }
    for (State* state : {&*draining_, &*draining_asleep_}) {
      state->server().drain();
      EXPECT_TRUE(eventually([&] { return is_refused(state->server().where()); })) << state->name();
    }
  }

  /// Up to three connections whose work sleeps: one that has sent no more, one that has, and one
  /// that has half-closed.
  void fall_asleep(State& state) const {
    const std::uint64_t count = std::min<std::uint64_t>(3, state.server().at_once());
    for (std::uint32_t i = 0; i < count; ++i) {
      Peer& peer = state.connect();
      ASSERT_TRUE(peer.send(message(payload_, {i, 0})));
      state.expect_open(i + 1);
      if (i == 1) {
        ASSERT_TRUE(peer.send(message(payload_, {i, 1})));
      }
      if (i == 2) peer.half_close();
      ASSERT_TRUE(eventually([&] { return peer.unacknowledged() == 0; }));
    }
  }

  /// Connects more than the server has descriptors for.
  void fill(State& state) const {
    state.connect_served(3, payload_);
    for (std::uint64_t i = 0; i < 2 * open_files; ++i) state.connect();
    EXPECT_TRUE(eventually(
        [&] { return state.server().counters().shed_count(server::Shed::descriptors) > 0; }));
  }

  const server::Model& model_;
  const echo::Payload& payload_;
  std::vector<std::string> own_;
  bool spins_ = false;
  bool waits_in_queue_ = false;
  CallFaults faults_;
  std::vector<Column> columns_;
  std::optional<State> none_, idle_, mute_, mute_half_closed_, mute_reset_, half_closed_, sleeping_,
      full_, crowded_, queued_, unaccepted_, draining_, draining_asleep_;
};

// Bug: one peer that sent until it blocked and never read cost nested-epoll, reactor-per-core and
// hand-off a whole core.
TEST_P(EveryModel, UsesNoCpuAtRest) {
  StatesOfRest states{*GetParam(), payload_};
  if (states.spins()) GTEST_SKIP() << "it uses a whole core in every state: it never waits";
  states.begin();
  ASSERT_FALSE(HasFailure()) << "not all states were brought about";
  const auto& columns = states.columns();
  std::vector<double> percent(columns.size(), 0);
  // Twice at most: the first time a server may still be busy with what led to its state. One that
  // spins uses a core in both.
  for (int sample = 0; sample < 2; ++sample) {
    std::vector<std::chrono::nanoseconds> before;
    const auto began = Clock::now();
    for (const auto& [name, state] : columns) before.push_back(state ? state->cpu() : 0ns);
    ::poll(nullptr, 0, static_cast<int>(window.count()));
    const std::chrono::duration<double> elapsed = Clock::now() - began;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!columns[i].state) continue;
      const std::chrono::duration<double> used = columns[i].state->cpu() - before[i];
      percent[i] = 100 * used / elapsed;
    }
    if (*std::max_element(percent.begin(), percent.end()) <= most_at_rest) break;
  }
  std::string header = "| model |";
  std::string rule = "|---|";
  std::string row = fmt::format("| {} |", GetParam()->name);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& [name, state] = columns[i];
    header += fmt::format(" {} |", name);
    rule += "---:|";
    row += state ? fmt::format(" {:.2f} |", percent[i]) : std::string{" - |"};
    if (!state) continue;
    EXPECT_FALSE(state->server().ends_within(0ms)) << "in state \"" << name << "\"";
    EXPECT_LE(percent[i], most_at_rest) << "percent of a core in state \"" << name << "\"";
  }
  std::printf("%s\n%s\n%s\n", header.c_str(), rule.c_str(), row.c_str());
}

}  // namespace
}  // namespace conformance
