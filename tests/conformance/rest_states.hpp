// The states in which a server is at rest: nothing happens on its connections.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echo/wire.hpp"
#include "limits/cpu.hpp"
#include "tests/conformance/call_script.hpp"
#include "tests/conformance/eventually.hpp"
#include "tests/conformance/harness.hpp"
#include "tests/conformance/offspring.hpp"
#include "tests/conformance/peer.hpp"

namespace conformance {

/// One server, in a process of its own, and the peers that hold it in a state.
class RestingServer {
 public:
  using Prepare = std::function<bool()>;

  RestingServer(const server::Model& model, std::string name, const server::ServerOptions& options,
                const std::vector<std::string>& own)
      : name_(std::move(name)), server_(model, options, own) {}
  RestingServer(const RestingServer&) = delete;
  RestingServer& operator=(const RestingServer&) = delete;
  /// Kills the server: in some states even a forced stop would have to wait.
  ~RestingServer() {
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
    return limits::cpu_time(pids).value_or(std::chrono::nanoseconds{}) +
           limits::children_cpu_time(pids);
  }

 private:
  std::string name_;
  Harness server_;
  std::vector<Peer> peers_;
};

/// The states that one model can be in.
class StatesOfRest {
 public:
  StatesOfRest(const server::Model& model, const echo::Payload& payload);

  /// A state, and its name; empty where the model cannot be in it.
  struct Column {
    std::string name;
    std::optional<RestingServer>& state;
  };

  /// Brings all states about, each in its own server. All are forked before any peer connects.
  void begin();

  /// Whether the model never waits, by design.
  [[nodiscard]] bool spins() const { return spins_; }
  [[nodiscard]] std::vector<Column>& columns() { return columns_; }

 private:
  void add(
      const std::string& name, std::optional<RestingServer>& state,
      const server::ServerOptions& options, bool possible = true,
      const RestingServer::Prepare& prepare = [] { return true; });
  void connect();
  /// Up to three connections whose work sleeps: one that has sent no more, one that has, and one
  /// that has half-closed.
  void fall_asleep(RestingServer& state) const;
  /// A connection whose echoes are all in the server's send queue.
  void leave_unread(RestingServer& state) const;
  /// Connects more than the server has descriptors for.
  void fill(RestingServer& state) const;

  const server::Model& model_;
  const echo::Payload& payload_;
  std::vector<std::string> own_;
  bool spins_ = false;
  bool waits_in_queue_ = false;
  CallFaults faults_;
  std::vector<Column> columns_;
  std::optional<RestingServer> none_, idle_, mute_, mute_half_closed_, mute_reset_, half_closed_,
      sleeping_, full_, crowded_, queued_, unaccepted_, draining_, unread_, draining_asleep_;
};

}  // namespace conformance
