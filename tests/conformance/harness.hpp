// Runs one model: on a thread of the test, or in a forked child where limits must be lowered.
//
// Like server_main, it creates counters, stop and listener and passes them to the model. Counters
// lie in shared memory and the stop is a descriptor, so a child is observed and stopped like a
// thread. It listens before it serves, so connections of a test can wait, or be reset, in the
// queue.
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
/// The same with send buffers so small that a peer that does not read delays a drain. With the
/// kernel's 4 MiB the rest of what the peer sent could still be echoed into the buffer.
server::ServerOptions with_small_send_buffers();

class Harness {
 public:
  /// `own`: command-line words of the model's own options. A model with --workers gets enough
  /// workers for all connections of a test unless `own` has that option.
  Harness(const server::Model& model, const server::ServerOptions& options,
          std::vector<std::string> own = {});
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;
  /// Stops and joins. When the model does not return even after a forced stop, prints its name and
  /// aborts the test program.
  ~Harness();

  /// Replaces the echo protocol. Call it before serve().
  void use_protocol(const protocol::Protocol& protocol) { protocol_ = &protocol; }
  void serve();
  /// At most `open_files` descriptors, the standard ones and the listener among them.
  void serve_in_child(std::uint64_t open_files);
  /// Runs `prepare` in the child first; when it returns false, the child ends without serving.
  void serve_in_child(const std::function<bool()>& prepare);
  [[nodiscard]] pid_t child() const { return child_; }

  [[nodiscard]] const echo::Endpoint& where() const { return listeners_.where(); }
  /// Connections served at the same time; the largest number where the model has no bound.
  [[nodiscard]] std::uint64_t at_once() const {
    return shape_.at_once.value_or(std::numeric_limits<std::uint64_t>::max());
  }
  /// Whether the model uses a whole processor while idle, by design.
  [[nodiscard]] bool spins() const { return shape_.spins; }
  /// Whether the model's use of descriptors grows with its connections, so that they may run out.
  [[nodiscard]] bool takes_descriptors() const;
  [[nodiscard]] const server::Counters& counters() const { return counters_; }
  /// Only after serving has ended.
  [[nodiscard]] const server::ModelMeasurements& measurements() const { return measurements_; }
  void drain() { stop_.request_drain(); }
  void force() { stop_.request_force(); }
  /// Whether serving has ended, or does so within `bound`.
  bool ends_within(std::chrono::milliseconds bound);
  /// Drains, and forces the stop when the drain takes longer than `conformance::patience`. Returns
  /// whether the drain was sufficient.
  bool stop();
  /// What serving threw, or how the child ended; empty when it returned normally. Only after
  /// serving has ended.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  /// `listening` is called when all of several tables listen.
  void run(const std::function<void()>& listening);
  [[nodiscard]] unsigned tables() const {
    return static_cast<unsigned>(options_.tables.value_or(1));
  }

  const server::Model& model_;
  server::ServerOptions options_;
  std::unique_ptr<CLI::App> app_;  ///< owns what `configured_` refers to
  server::Configured configured_;
  server::Shape shape_;
  server::Listeners listeners_;
  protocol::EchoProtocol echo_;
  const protocol::Protocol* protocol_ = &echo_;
  echo::Stop stop_;
  server::Counters counters_;
  server::ModelMeasurements measurements_;
  std::string complaint_;
  std::promise<void> ended_;
  std::future<void> end_ = ended_.get_future();
  std::thread thread_;
  pid_t child_ = -1;
};

}  // namespace conformance
