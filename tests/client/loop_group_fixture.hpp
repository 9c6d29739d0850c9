// Loops against an echo server in this process: all that a run gives them, made by hand.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "client/engine/loop_group.hpp"
#include "client/run/round.hpp"
#include "tests/client/echo_thread.hpp"

namespace client::testing {

class CrewTest : public ::testing::Test {
 protected:
  CrewTest() { options_.progress = ShowProgress::never; }

  /// Call it first to have a server with answers of its own.
  void serve(EchoThread::Answers answers = {}) {
    server_.emplace(std::move(answers));
    connector_.emplace(std::vector{server_->where()}, Sources{});
    context_.emplace(LoopContext{*connector_, payload_, sizes_, stop_, concurrency_, {}});
  }
  /// Loops as a run would have them.
  std::vector<Plan> plans(std::uint64_t connections, std::uint64_t threads) {
    options_.connections = connections;
    options_.threads = threads;
    return plans_of(options_, now() + std::chrono::seconds{60}, Watch{options_});
  }
  LoopGroup& group(std::uint64_t connections, std::uint64_t threads) {
    if (!server_) serve();
    return crew_.emplace(plans(connections, threads), *context_, options_.cpus);
  }
  /// The same, with all connections standing.
  LoopGroup& standing(std::uint64_t connections, std::uint64_t threads) {
    LoopGroup& made = group(connections, threads);
    made.loop(0).adopt(open_first({*connector_}, std::chrono::milliseconds{0}, stop_));
    made.run([](Loop& loop, unsigned) { loop.ramp(); });
    return made;
  }
  /// Half-closes and closes all, and returns what was counted.
  Tally ended() {
    crew_->run([](Loop& loop, unsigned) { loop.drain(); });
    return crew_->tally();
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
  /// Which connections the server heard of, by the first bytes of each.
  std::vector<std::uint32_t> numbers_heard() {
    constexpr echo::MessageId nobody{0xffffffffU, 0xffffffffU};
    std::vector<std::uint32_t> numbers;
    for (const auto& bytes : server_->first_bytes()) {
      const auto mismatch = payload_.verify(nobody, 0, bytes);
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
  std::optional<LoopGroup> crew_;
};

}  // namespace client::testing
