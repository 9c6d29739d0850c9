// Rates as text and in a document: a low rate is not 0.
#include "client/result/rate.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <chrono>

#include "client/report/present.hpp"
#include "tests/client/results.hpp"

namespace client {
namespace {

using namespace std::chrono_literals;

TEST(Rate, LowRatesHaveAFraction) {
  const struct {
    double rate;
    const char* text;
    const char* bytes;
    const char* json;
  } rows[] = {
      {0, "0", "0 B", "0"},
      {0.5, "0.5", "0.5 B", "5E-1"},
      {22.0 / 3, "7.33", "7.33 B", "7.333E0"},
      {3, "3", "3 B", "3"},
      {9.9999, "10", "10 B", "10"},
      {0.01, "0.01", "0.01 B", "1E-2"},
      {0.0002, "< 0.001", "< 0.001 B", "0"},
      {12.4, "12", "12 B", "12"},
      {20'195.4, "20195", "19.7 KiB", "20195"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(rate_text(row.rate), row.text);
    EXPECT_EQ(byte_rate_text(row.rate), row.bytes);
    EXPECT_EQ(boost::json::serialize(rate_json(row.rate)), row.json);
  }
  EXPECT_EQ(per_second(3, 6s), 0.5);
  EXPECT_EQ(per_second(3, 0s), 0) << "no time passed";
}

// Bug: three echoes in six seconds were 0/s.
TEST(Rate, OfThreeEchoesInSixSecondsIsAHalf) {
  Result result = fixtures::established(1);
  result.options.mode = Mode::stream;
  fixtures::echo_all(result, 3, 1, 2s, 6s);
  result = fixtures::concluded(result);
  const std::string text = text_of(result);
  EXPECT_NE(text.find("echoes     3 in 6 s: 0.5/s, 0.5 B/s\n"), std::string::npos) << text;
  const auto document = json_of(result, result.exit_code);
  EXPECT_EQ(document.at_pointer("/throughput/echoes_per_s"), 0.5);
}

}  // namespace
}  // namespace client
