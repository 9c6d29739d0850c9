// The report: golden documents, files that are complete or unchanged, and text with units.
#include "echo/report.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

namespace echo {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

TEST(Report, WritesAHistogramAsInTheContract) {
  Histogram histogram;
  for (int i = 0; i < 100; ++i) histogram.record(100ns);
  for (int i = 0; i < 10; ++i) histogram.record(1us);
  for (int i = 0; i < 10; ++i) histogram.record_censored(1ms);
  EXPECT_EQ(json::serialize(to_json(histogram)),
            R"({"count":120,"censored":10,"min":100,"max":1000000,"mean":83500,"sum":10020000,)"
            R"("lowest_censored":1000000,"overflow":0,)"
            R"("percentiles":{"50":100,"90":1002,"99":null,"99.9":null,"99.99":null},)"
            R"("at_least":[],"bins":[[100,100],[1000,10],[999424,10]]})");
}

// Bug: with --data or a label in Latin-1 the document was no JSON.
TEST(Report, IsJsonForWordsOfACommandLineInAnyEncoding) {
  const std::string text = text_of_document({{"caf\xe9", "\xff\x1b"}, {"plain", "caf\xc3\xa9"}});
  EXPECT_EQ(json::parse(text),
            (json::object{{"caf\xef\xbf\xbd", "\xef\xbf\xbd\x1b"}, {"plain", "caf\xc3\xa9"}}));
}

TEST(Report, NamesThePercentilesThatAreOnlyLowerBounds) {
  Histogram histogram;
  for (int i = 0; i < 200; ++i) histogram.record_censored(10s);
  EXPECT_EQ(json::serialize(to_json(histogram).at("at_least")), R"(["50","90"])");
}

TEST(Report, ReportsWhatLiesBeyondTheAxisAndThatItsPercentilesAreLowerBounds) {
  Histogram histogram;
  for (int i = 0; i < 20; ++i) histogram.record(1h);
  const json::value value = to_json(histogram);
  EXPECT_EQ(value.at("overflow"), 20);
  EXPECT_EQ(value.at("max"), 3'600'000'000'000) << "still exact";
  EXPECT_EQ(value.at_pointer("/percentiles/50"), 1'099'511'627'776) << "2^40 ns";
  EXPECT_EQ(json::serialize(value.at("at_least")), R"(["50"])");
  EXPECT_EQ(text_of(histogram.percentile(50)), ">= 18m 20s");
}

TEST(Report, WritesNullAndNeverAnInventedFigureForAnEmptyHistogram) {
  EXPECT_EQ(json::serialize(to_json(Histogram{})),
            R"({"count":0,"censored":0,"min":null,"max":null,"mean":null,"sum":0,)"
            R"("lowest_censored":null,"overflow":0,)"
            R"("percentiles":{"50":null,"90":null,"99":null,"99.9":null,"99.99":null},)"
            R"("at_least":[],"bins":[]})");
}

TEST(Report, WritesUsageWithNullForWhatWasNotRead) {
  limits::Usage usage;
  usage.pids = {12, 34};
  usage.rss = 4096;
  usage.peak_rss = 8192;
  usage.threads = 3;
  EXPECT_EQ(
      json::serialize(to_json(usage, std::nullopt)),
      R"({"pids":[12,34],"rss":4096,"pss":null,"peak_rss":8192,"rss_anon":null,"virtual":null,)"
      R"("page_tables":null,"threads":3,"descriptors":null,"maps":null,"per_connection":null})");
  EXPECT_EQ(to_json(usage, 17).at("per_connection").to_number<int>(), 17);
}

TEST(Report, NamesEveryOptionWithItsEffectiveValue) {
  CLI::App app;
  int port = 1234;
  bool nodelay = true;
  bool quiet = false;
  std::string file;
  app.add_option("-p,--port", port)->default_val(port);
  app.add_flag("--nodelay,!--no-nodelay", nodelay)->default_str("true");
  app.add_flag("-q,--quiet", quiet);
  app.add_option("--json", file);
  app.add_option("-n", file);
  app.parse("--no-nodelay -n 10k");
  EXPECT_EQ(json::serialize(options_to_json(app)),
            R"({"port":"1234","nodelay":false,"quiet":false,"json":null,"n":"10k"})");
}

TEST(Report, ContainsTheEnvironmentThatAFigureNeeds) {
  const json::object found = environment();
  for (const char* key : {"time", "kernel", "machine", "cpu", "cpus", "memory", "page_size",
                          "compiler", "boost", "assertions"}) {
    EXPECT_TRUE(found.contains(key)) << key;
  }
  EXPECT_EQ(found.at("time").as_string().size(), std::string("2026-01-01T00:00:00Z").size());
}

TEST(TextOf, APercentileHasItsUnitAndItsBound) {
  EXPECT_EQ(text_of(std::nullopt), "-");
  EXPECT_EQ(text_of(Percentile{1'230'000, false}), "1.23 ms");
  EXPECT_EQ(text_of(Percentile{10'000'000'000, true}), ">= 10 s");
}

}  // namespace
}  // namespace echo
