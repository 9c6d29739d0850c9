// Loops against an echo server in this process, with everything that a run provides.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "client/engine/loop_group.hpp"
#include "client/run/shares.hpp"
#include "tests/client/echo_thread.hpp"

namespace client::fixtures {

class LoopGroupTest : public ::testing::Test {
 protected:
  LoopGroupTest() { options_.progress = ShowProgress::never; }

  /// Starts the server. Call it before group() for a server with other answers than echoes.
  void serve(EchoThread::Answers answers = {}) {
    server_.emplace(std::move(answers));
    connector_.emplace(std::vector{server_->where()}, Sources{});
    context_.emplace(LoopContext{*connector_, payload_, sizes_, stop_, concurrency_, {}});
  }
  /// The plans that a run would use.
  std::vector<Plan> plans(std::uint64_t connections, std::uint64_t threads) {
    options_.connections = connections;
    options_.threads = threads;
    return plans_of(options_, now() + std::chrono::seconds{60}, Watch{options_, nullptr});
  }
  LoopGroup& group(std::uint64_t connections, std::uint64_t threads) {
    if (!server_) serve();
    return group_.emplace(plans(connections, threads), *context_, options_.cpus);
  }
  /// The same, with all connections established.
  LoopGroup& standing(std::uint64_t connections, std::uint64_t threads) {
    LoopGroup& made = group(connections, threads);
    made.loop(0).adopt(open_first({*connector_}, std::chrono::milliseconds{0}, stop_));
    made.run([](Loop& loop, unsigned) { loop.ramp(); });
    return made;
  }
  /// Half-closes and closes all connections; returns the counts.
  Tally ended() {
    group_->run([](Loop& loop, unsigned) { loop.drain(); });
    return group_->tally();
  }
  static Tally exchanged(LoopGroup& group, const Traffic& traffic,
                         const std::vector<std::optional<Pace>>& paces) {
    group.run([&](Loop& loop, unsigned number) {
      Traffic mine = traffic;
      mine.pace = paces[number];
      loop.exchange(mine);
    });
    return group.tally();
  }
  /// The numbers of the connections whose first bytes the server received.
  std::vector<std::uint32_t> numbers_received() {
    constexpr echo::MessageId unused{0xffffffffU, 0xffffffffU};
    std::vector<std::uint32_t> numbers;
    for (const auto& bytes : server_->first_bytes()) {
      const auto mismatch = payload_.verify(unused, 0, bytes);
      EXPECT_TRUE(mismatch && mismatch->owner);
      if (mismatch && mismatch->owner) numbers.push_back(mismatch->owner->connection);
    }
    return numbers;
  }

  Options options_;
  MessageSizes sizes_{64};
  echo::Payload payload_ = echo::Payload::unique(64, 7);
  echo::Stop stop_;
  Concurrency concurrency_;
  std::optional<EchoThread> server_;
  std::optional<Connector> connector_;
  std::optional<LoopContext> context_;
  std::optional<LoopGroup> group_;
};

}  // namespace client::fixtures
