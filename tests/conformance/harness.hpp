// One model, serving: on a thread of the test, or in a forked child where limits are to be lowered.
//
// Counters, stop and listener are made here and handed over, as server_main does; counters lie in
// shared memory and the stop is a descriptor, so a child is watched and stopped like a thread. It
// listens before it serves: a test can have connections wait, or die, in the queue.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "echo/cli_fwd.hpp"
#include "server/model.hpp"

namespace conformance {

/// The options of a test: any free port of loopback.
server::ServerOptions loopback();
/// The same, and so little room for what is to be sent that a peer that does not read holds a drain
/// up: with the kernel's 4 MiB the rest of what it sent could still be echoed into the buffer.
server::ServerOptions with_small_send_buffers();

class Harness {
 public:
  /// `own`: words for the model's own options. Where it takes --workers and none are given, it gets
  /// so many as hold the suite's crowds.
  Harness(const server::Model& model, const server::ServerOptions& options,
          std::vector<std::string> own = {});
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;
  /// Stops and joins. A model that does not return even when forced ends the test program, with its
  /// name.
  ~Harness();

  /// Before it serves: what it says, in place of an echo.
  void speak(const server::Protocol& protocol) { protocol_ = &protocol; }
  void serve();
  /// At most `open_files` descriptors, the standard ones and the listener among them.
  void serve_in_child(std::uint64_t open_files);
  /// `prepare` runs there first; where it says false, the child ends at once.
  void serve_in_child(const std::function<bool()>& prepare);
  [[nodiscard]] pid_t child() const { return child_; }

  [[nodiscard]] const echo::Endpoint& where() const { return listeners_.where(); }
  /// Connections served at the same time; as good as all where the model has no bound.
  [[nodiscard]] std::uint64_t at_once() const {
    return shape_.at_once.value_or(std::numeric_limits<std::uint64_t>::max());
  }
  /// Whether it takes a whole processor while idle as well, by design.
  [[nodiscard]] bool spins() const { return shape_.spins; }
  /// Whether a descriptor table of the model grows with its connections, so that it may run out.
  [[nodiscard]] bool takes_descriptors() const;
  [[nodiscard]] const server::Counters& counters() const { return counters_; }
  /// Only after it ended.
  [[nodiscard]] const server::ModelMeasurements& measurements() const { return findings_; }
  void drain() { stop_.request_drain(); }
  void force() { stop_.request_force(); }
  /// Whether serving has ended, or does so within `bound`.
  bool ends_within(std::chrono::milliseconds bound);
  /// Drains, and forces when that takes longer than `conformance::patience`. Returns whether the
  /// drain was enough.
  bool stop();
  /// What serving threw, or how the child ended; empty when it returned. Only after it ended.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  void run();

  const server::Model& model_;
  server::ServerOptions options_;
  std::unique_ptr<CLI::App> app_;  ///< owns what `configured_` refers to
  server::Configured configured_;
  server::Shape shape_;
  server::Listeners listeners_;
  server::EchoProtocol echo_;
  const server::Protocol* protocol_ = &echo_;
  echo::Stop stop_;
  server::Counters counters_;
  server::ModelMeasurements findings_;
  std::string complaint_;
  std::promise<void> ended_;
  std::future<void> end_ = ended_.get_future();
  std::thread thread_;
  pid_t child_ = -1;
};

}  // namespace conformance
