// The report of a server, made from known counts.
#include "server/report.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "protocol/http/http_protocol.hpp"

namespace server {
namespace {

using namespace std::chrono_literals;

constexpr Model model{"some-model", "a model of this test", nullptr};

/// A run of two workers; the second one took three of the four connections.
class ServerReport : public ::testing::Test {
 protected:
  ServerReport() {
    for (int i = 0; i < 4; ++i) counters_.opened(i == 0 ? 0 : 1);
    for (int i = 0; i < 4; ++i) counters_.closed(i == 0 ? 0 : 1);
    counters_.echoed(0, 1, 10);
    counters_.echoed(1, 3, 30);
    counters_.worker(0).cpu_ns = 500'000'000;
    counters_.worker(1).cpu_ns = 1'500'000'000;
    usage_.peak_rss = 2048 * 1024;
  }
  [[nodiscard]] ServerResult result() { return result_of(protocol_); }
  [[nodiscard]] ServerResult result_of(const protocol::Protocol& protocol) {
    return {model,   protocol, counters_, measurements_, shape_, 1, read_workers(counters_),
            nullptr, 10s,      5ms,       usage_,        {},     {}};
  }

  Counters counters_{2};
  protocol::EchoProtocol protocol_;
  ModelMeasurements measurements_;
  Shape shape_;
  limits::Usage usage_;
};

TEST_F(ServerReport, BeginsWithTheAncestorsLinesAndListsEachWorker) {
  EXPECT_EQ(text_of(result()),
            "EXITING\nresident 2048K\nMax conc: 4\nTotal: 4\nNow: 0\n"
            "model: some-model\nechoed: 4 messages, 40 bytes\n"
            "worker 0: 1 connections, 1 messages, 10 bytes, CPU 0.500 s\n"
            "worker 1: 3 connections, 3 messages, 30 bytes, CPU 1.500 s\n"
            "balance, cv (largest share): connections 0.50 (1.50 x), messages 0.50 (1.50 x), "
            "CPU 0.50 (1.50 x)\n");
}

TEST_F(ServerReport, ShowsTheIdleTimeAndQueueWaitOfAPool) {
  counters_.worker(0).idle_ns = 9'000'000'000;
  counters_.worker(1).idle_ns = 5'000'000'000;
  measurements_.queue_wait.emplace();
  for (int i = 0; i < 2000; ++i) measurements_.queue_wait->record(i < 1900 ? 100us : 2ms);
  const std::string text = text_of(result());
  EXPECT_NE(text.find("CPU 0.500 s, idle 90.0 %\n"), std::string::npos) << text;
  EXPECT_NE(text.find("CPU 1.500 s, idle 50.0 %\n"), std::string::npos) << text;
  EXPECT_NE(text.find("queue wait: p50 100 us, p99 2 ms, max 2 ms\n"), std::string::npos) << text;
}

TEST_F(ServerReport, ShowsHowDeepThePaintedStacksWereUsed) {
  EXPECT_TRUE(to_json(result()).at("stacks").is_null()) << "without --stack-report";
  measurements_.stacks.emplace(4096, 16384);
  for (int i = 0; i < 1000; ++i) measurements_.stacks->add(i < 995 ? 22'200 : 30'000);
  EXPECT_NE(text_of(result()).find(
                "stacks painted: 1,000, high water p50 22,200 B, p99 22,200 B, max 30,000 B\n"
                "smallest stack that would have held them: 32K\n"),
            std::string::npos)
      << text_of(result());
  const boost::json::value document = to_json(result());
  EXPECT_EQ(document.at("stacks").at("painted_threads"), 1000);
  EXPECT_EQ(document.at("stacks").at("high_water").at("p99"), 22'200);
  EXPECT_EQ(document.at("stacks").at("high_water").at("max"), 30'000);
  EXPECT_EQ(document.at("stacks").at("smallest_size"), 32'768);
}

TEST_F(ServerReport, ShowsThatLessStackWasUsedThanThePlatformsMinimum) {
  measurements_.stacks.emplace(4096, 16384);
  measurements_.stacks->add(5'816);
  EXPECT_NE(text_of(result()).find(
                "stacks painted: 1, high water p50 -, p99 -, max 5,816 B\n"
                "smallest stack that would have held them: 16K, the platform's minimum; less was "
                "used\n"),
            std::string::npos)
      << text_of(result());
}

TEST_F(ServerReport, CountsWhatWasShedTimedOutAndReplaced) {
  counters_.shed(Shed::queue_full);
  counters_.shed(Shed::queue_full);
  counters_.timed_out();
  counters_.replaced();
  counters_.child_ended(3 << 20);
  const std::string text = text_of(result());
  EXPECT_NE(text.find("shed queue_full: 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("closed by --idle-timeout: 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("worker processes that died and were replaced: 1\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("children: 1, the largest 3 MiB resident"), std::string::npos) << text;
}

TEST_F(ServerReport, NamesTheLimitForWhichThereWasNoThread) {
  EXPECT_TRUE(warnings_of(result()).empty());
  measurements_.task_shortage = "user processes: need 1, have 0";
  EXPECT_NE(text_of(result()).find("\nwarning: no thread or process for a connection: user "
                                   "processes: need 1, have 0 (limits -n N: what N connections "
                                   "need)\n"),
            std::string::npos)
      << text_of(result());
  EXPECT_EQ(to_json(result()).at("warnings").as_array().size(), 1U);
}

TEST_F(ServerReport, NamesTheTimeLimitsOfHttp) {
  counters_.timed_out();
  const protocol::HttpProtocol http{{}};
  const std::string text = text_of(result_of(http));
  EXPECT_NE(text.find("closed by --keepalive-timeout, --idle-timeout or --request-timeout: 1\n"),
            std::string::npos)
      << text;
}

TEST_F(ServerReport, WarnsOfAWorkerThatTookMoreForAWhileAndKeepsTheSeries) {
  Series series{1s};
  for (std::uint64_t second = 0; second <= 8; ++second) {
    const std::uint64_t more = second > 4 ? (second - 4) * 4000 : 0;
    series.add({std::chrono::seconds{second},
                {{1, 1, second * 1000, 0, 0s}, {3, 3, second * 1000 + more, 0, 1s}}});
  }
  ServerResult with_series = result();
  with_series.series = &series;
  ASSERT_EQ(warnings_of(with_series).size(), 1U);
  EXPECT_EQ(warnings_of(with_series).front(),
            "worker 1 handled 1.7 times an even share of the messages from 4.0 s to 8.0 s");
  const boost::json::value document = to_json(with_series);
  const auto& intervals = document.at("series").as_array();
  ASSERT_EQ(intervals.size(), 8U);
  EXPECT_EQ(intervals.back().at("workers").at(1).at("messages"), 5000);
  EXPECT_EQ(intervals.back().at("workers").at(1).at("connections"), 3);
  EXPECT_EQ(document.at("warnings").as_array().size(), 1U);
}

TEST_F(ServerReport, LeavesUnknownWhatCannotBeKnown) {
  const boost::json::value document = to_json(result());
  EXPECT_TRUE(document.at("queue_wait").is_null());
  EXPECT_TRUE(document.at("workers").at(0).at("idle_ns").is_null());
  EXPECT_TRUE(document.at("connections").at("at_once").is_null());
  EXPECT_TRUE(document.at("series").as_array().empty());
  EXPECT_DOUBLE_EQ(document.at("balance").at("connections").at("cv").as_double(), 0.5);
}

}  // namespace
}  // namespace server
