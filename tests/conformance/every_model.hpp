// The fixture of the conformance suite: every test runs on every registered model of both servers.
// After each test accepted == closed + open must hold (server/counters.hpp), and no descriptor,
// thread or child may be left.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/model.hpp"
#include "tests/conformance/eventually.hpp"
#include "tests/conformance/harness.hpp"
#include "tests/conformance/peer.hpp"

namespace conformance {

/// The model's name with the characters that GoogleTest allows: letters, digits and _.
std::string name_of_model(const ::testing::TestParamInfo<const server::Model*>& info);

/// The model of that name, of either program. Throws std::invalid_argument.
const server::Model& model_named(std::string_view name);

class EveryModel : public ::testing::TestWithParam<const server::Model*> {
 protected:
  static void SetUpTestSuite();
  void SetUp() override;
  /// Stops the server if the test has not; checks the law, descriptors, threads and children.
  void TearDown() override;

  /// Listens. The test then calls serve() or serve_in_child() of the harness.
  Harness& listen(const server::ServerOptions& options = loopback());
  /// Listens and serves on a thread.
  Harness& serve(const server::ServerOptions& options = loopback());

  [[nodiscard]] Harness& server() { return *harness_; }
  [[nodiscard]] Peer connect(Buffers buffers = Buffers::usual) const {
    return Peer{harness_->where(), buffers};
  }
  /// `count` peers, each with one message echoed: accepted, counted and in service.
  [[nodiscard]] std::vector<Peer> connect_served(std::uint32_t count,
                                                 Buffers buffers = Buffers::usual);
  /// `wanted`, or as many as the model serves at the same time.
  [[nodiscard]] std::uint32_t at_once(std::uint32_t wanted) const {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, harness_->at_once()));
  }
  /// Whether the number of open connections becomes `expected`.
  [[nodiscard]] bool open_becomes(std::uint64_t expected) {
    return eventually([&] { return harness_->counters().open() == expected; });
  }

  /// Small messages, unique to their connection.
  const echo::Payload payload_ = echo::Payload::unique(64, 0xc0ffee);

 private:
  std::unique_ptr<Harness> harness_;
  std::size_t descriptors_before_ = 0;
  std::size_t threads_before_ = 0;
};

}  // namespace conformance
