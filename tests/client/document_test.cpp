// The JSON report: the same figures as the text, and null for unknown ones.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>

#include "client/report/present.hpp"
#include "tests/client/results.hpp"

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct At {
  const char* pointer;
  const char* holds;
};

void expect_holds(const Result& result, std::initializer_list<At> places) {
  const Result whole = fixtures::concluded(result);
  const boost::json::value document =
      boost::json::parse(boost::json::serialize(json_of(whole, whole.exit_code)));
  for (const At& at : places) {
    boost::system::error_code error;
    const boost::json::value* found = document.find_pointer(at.pointer, error);
    ASSERT_NE(found, nullptr) << at.pointer;
    EXPECT_EQ(boost::json::serialize(*found), at.holds) << at.pointer;
  }
}

TEST(Document, HoldsTheFiguresAndNullForUnknownOnes) {
  Result result = fixtures::held();
  result.requested = 202;
  result.tally.end({Outcome::reset, Phase::connect, ECONNRESET});
  result.tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  result.arguments = {"-n", "200"};
  result.options.labels = {{"host", "a"}, {"try", "1"}};
  expect_holds(
      result,
      {{"/schema", "\"echo-testbed/1\""},
       {"/status", "\"fail\""},
       {"/exit_code", "1"},
       {"/argv", R"(["client","-n","200"])"},
       {"/labels", R"({"host":"a","try":"1"})"},
       {"/mode", "\"hold\""},
       {"/target", "\"127.0.0.1:1234\""},
       {"/connections/requested", "202"},
       {"/connections/served", "200"},
       {"/connections/max_concurrent", "200"},
       {"/connections/failed", R"({"reset":2})"},  // one bucket for all phases
       {"/connections/errors", R"([{"cause":"reset","phase":"connect","errno":104,"count":1},)"
                               R"({"cause":"reset","phase":"echo","errno":104,"count":1}])"},
       {"/echoes/first_mismatch", "null"},
       {"/phases/ramp", R"({"ns":20000000,"echo":null})"},
       {"/phases/warm_up", "null"},
       {"/phases/measured", R"({"ns":40000000,"sent":200,"verified":200,"echoes_within":200,)"
                            R"("bytes_within":12800,"connections_within":0})"},
       {"/phases/idle", R"({"ns":0})"},
       {"/phases/drain", R"({"ns":0})"},
       {"/phases/whole_ns", "100000000"},
       {"/throughput/echoes_per_s", "5000"},
       {"/throughput/connects_per_s", "10000"},
       {"/latency/loop", "\"burst\""},
       {"/latency/arrivals", "null"},
       {"/latency/wire", "null"},
       {"/latency/lateness", "null"},
       {"/latency/receive_lateness", "null"},
       {"/latency/retransmissions", "null"},
       {"/latency/echo/count", "200"},
       {"/latency/echo/percentiles/99.99", "null"},
       {"/latency/error_bound", "3.90625E-3"},
       {"/objectives", "[]"},
       {"/repeats", "[]"},
       {"/memory/server", "null"},
       {"/memory/client/rss", "null"},
       {"/cpu/total_ns_per_echo", "null"},
       {"/kernel/listen_drops", "null"}});
}

TEST(Document, OfAnOpenLoopHoldsItsArrivalsAndUnsentMessages) {
  expect_holds(fixtures::streamed(), {{"/status", "\"pass\""},
                                      {"/mode", "\"stream\""},
                                      {"/latency/loop", "\"open\""},
                                      {"/latency/arrivals", "\"poisson\""},
                                      {"/latency/wire/count", "4000"},
                                      {"/latency/lateness/count", "4000"},
                                      {"/latency/receive_lateness/count", "60"},
                                      {"/latency/retransmissions/segments", "2"},
                                      {"/latency/retransmissions/connections", "4"},
                                      {"/latency/censored", "10"},
                                      {"/echoes/sent", "4007"},
                                      {"/echoes/verified", "5999"},  // the warm-up's too
                                      {"/echoes/late", "5"},
                                      {"/echoes/unsent", "3"},
                                      {"/phases/warm_up/ns", "1000000000"},
                                      {"/phases/warm_up/verified", "1999"},
                                      {"/phases/measured/verified", "4000"},
                                      {"/throughput/echoes_per_s", "2000"}});
  Result uniform = fixtures::streamed();
  uniform.options.poisson = false;
  expect_holds(uniform, {{"/latency/arrivals", "\"uniform\""}});
}

TEST(Document, OfChurnCountsConnectionsWithinTheMeasuredTime) {
  expect_holds(fixtures::churned(), {{"/mode", "\"churn\""},
                                     {"/latency/loop", "\"closed\""},
                                     {"/connections/requested", "20000"},
                                     {"/connections/max_concurrent", "8"},
                                     {"/phases/measured/connections_within", "20000"},
                                     {"/throughput/connects_per_s", "20000"}});
}

TEST(Document, KeepsTheEchoesOfTheRampApart) {
  Result result = fixtures::held();
  Echoes& ramp = result.tally.ramp.emplace();
  ramp.sent = ramp.verified = 200;
  ramp.latency.record(milliseconds{7});
  expect_holds(result, {{"/phases/ramp/echo/max", "7000000"},
                        {"/phases/measured/verified", "200"},
                        {"/echoes/verified", "400"},
                        {"/latency/echo/max", "2000000"}});
}

TEST(Document, ListsRoundsAndObjectives) {
  Result result = fixtures::held();
  result.rounds = {{100, 0, 5'000.4, 4096, 250}, {99, 1, 10'000, {}, {}}};
  result.judgements = Objective::parse("p50<5ms,p99.9<5ms").judge(result.tally.measured.latency);
  expect_holds(
      result,
      {{"/repeats",
        R"([{"served":100,"failed":0,"echoes_per_s":5000,"server_rss":4096,"time_wait":250},)"
        R"({"served":99,"failed":1,"echoes_per_s":10000,"server_rss":null,"time_wait":null}])"},
       {"/objectives", R"([{"text":"p50 < 5 ms","verdict":"held","value_ns":2000000},)"
                       R"({"text":"p99.9 < 5 ms","verdict":"unproven","value_ns":null}])"},
       {"/status", "\"fail\""}});
}

TEST(Document, NamesTheFirstWrongByteAndItsOwner) {
  Result result = fixtures::held();
  result.tally.first_mismatch = FirstMismatch{7, 1, {33, std::byte{0x0f}, std::byte{0xf0}, {}}};
  expect_holds(result, {{"/echoes/first_mismatch",
                         R"({"connection":7,"message":1,"offset":33,"expected":15,"got":240,)"
                         R"("owner":null})"}});
  result.tally.first_mismatch->mismatch.owner = echo::MessageId{8, 2};
  expect_holds(result,
               {{"/echoes/first_mismatch/owner", R"({"connection":8,"message":2,"rank":null})"}});
  result.options.share = {1, 3};
  expect_holds(result,
               {{"/echoes/first_mismatch/owner", R"({"connection":8,"message":2,"rank":2})"}});
}

TEST(Document, SaysWhichRankItIsOf) {
  Result result = fixtures::held();
  expect_holds(result, {{"/rank", "null"}});
  result.options.share = {1, 3};
  result.rank = Rank{result.options.share,
                     "h1",
                     ClockOffset{Nanoseconds{-5}, Nanoseconds{7}, Nanoseconds{9}},
                     {},
                     CommonMoment{Nanoseconds{100}, Nanoseconds{103}},
                     {},
                     "rank 2 is gone"};
  expect_holds(
      result,
      {{"/rank", R"({"rank":1,"ranks":3,"host":"h1",)"
                 R"("clock_before":{"offset_ns":-5,"bound_ns":7,"at_ns":9},"clock_after":null,)"
                 R"("start":{"due_ns":100,"begun_ns":103},"traffic":null})"},
       {"/warnings/0", R"("rank 2 is gone")"}});
}

}  // namespace
}  // namespace client
