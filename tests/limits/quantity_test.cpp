// Counts, sizes and durations: what is accepted, what is refused, and how they are printed.
#include "limits/quantity.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace limits {
namespace {

using std::chrono::nanoseconds;

template <typename Parser>
std::string refusal_of(Parser parse, const std::string& text) {
  try {
    parse(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Quantity, CountsTakeDecimalSuffixesInEitherCase) {
  const std::vector<std::pair<std::string, std::uint64_t>> table{
      {"0", 0},
      {"1", 1},
      {"10000", 10'000},
      {"10k", 10'000},
      {"10K", 10'000},
      {"1m", 1'000'000},
      {"1M", 1'000'000},
      {"007", 7},
      {"1000000M", 1'000'000'000'000},
      {"18446744073709551615", 18'446'744'073'709'551'615ULL}};
  for (const auto& [text, value] : table) EXPECT_EQ(parse_count(text), value) << text;
}

TEST(Quantity, SizesTakeBinarySuffixesInEitherCase) {
  const std::vector<std::pair<std::string, std::uint64_t>> table{
      {"0", 0},          {"64", 64},          {"64K", 65'536},    {"64k", 65'536},
      {"8M", 8'388'608}, {"1g", 1ULL << 30U}, {"2T", 2ULL << 40U}};
  for (const auto& [text, value] : table) EXPECT_EQ(parse_size(text), value) << text;
}

TEST(Quantity, DurationsTakeUnitsAndFractionsAndAreSecondsWhenBare) {
  const std::vector<std::pair<std::string, std::int64_t>> table{{"5s", 5'000'000'000},
                                                                {"250ms", 250'000'000},
                                                                {"50us", 50'000},
                                                                {"7ns", 7},
                                                                {"2m", 120'000'000'000},
                                                                {"1h", 3'600'000'000'000},
                                                                {"10", 10'000'000'000},
                                                                {"0.5s", 500'000'000},
                                                                {"0.5", 500'000'000},
                                                                {"1.5M", 90'000'000'000},
                                                                {"0.35us", 350},
                                                                {"0.0000001s", 100},
                                                                {"0.000000001s", 1},
                                                                {"0.0000000019s", 1},
                                                                {"0.9ns", 0},
                                                                {"0", 0},
                                                                {"0.25h", 900'000'000'000},
                                                                {"0.1MS", 100'000}};
  for (const auto& [text, value] : table)
    EXPECT_EQ(parse_duration(text), nanoseconds{value}) << text;
}

TEST(Quantity, DurationsOfSeveralPartsAndDaysAreAccepted) {
  const std::vector<std::pair<std::string, std::int64_t>> table{
      {"1h30m", 5'400'000'000'000},     {"1m30s", 90'000'000'000},
      {"1d", 86'400'000'000'000},       {"1D12H", 129'600'000'000'000},
      {"1d1h1m1s", 90'061'000'000'000}, {"1m0.5s", 60'500'000'000},
      {"1s500ms", 1'500'000'000},       {"0h0m1s", 1'000'000'000},
      {"90m30s", 5'430'000'000'000}};
  for (const auto& [text, value] : table)
    EXPECT_EQ(parse_duration(text), nanoseconds{value}) << text;
}

TEST(Quantity, PartsOfADurationAreInOrderAndEachHasItsUnit) {
  for (const std::string text : {"1m1h", "1m1m", "1h30", "1.5h30m", "1h 30m", "1hm", "h30m",
                                 "1h-3m", "30 m", "1h30m.", "1h30m5", "1d1"}) {
    EXPECT_NE(refusal_of(parse_duration, text), "") << text;
  }
  EXPECT_NE(refusal_of(parse_duration, "106751d24h"), "") << "beyond 64 bits of nanoseconds";
}

TEST(Quantity, RefusesWhatIsNotWhollyANumber) {
  for (const std::string text : {"", " ", "9E", "-1", "+1", " 1", "1 ", "1.5", "1,000", "0x10", "k",
                                 "1kk", "1KiB", "1e3", "ten", "1\n"}) {
    EXPECT_NE(refusal_of(parse_count, text), "") << text;
    EXPECT_NE(refusal_of(parse_size, text), "") << text;
  }
  EXPECT_NE(refusal_of(parse_count, "1G"), "");
  for (const std::string text : {"", "-1s", " 1s", "1 s", "1.s", ".5s", "1..5s", "5sec", "s",
                                 "1e3s", "0x1s", "nan", "inf", "1.5.5"}) {
    EXPECT_NE(refusal_of(parse_duration, text), "") << text;
  }
}

TEST(Quantity, RefusesWhatDoesNotFitInsteadOfWrapping) {
  EXPECT_NE(refusal_of(parse_count, "18446744073709551616"), "");
  EXPECT_NE(refusal_of(parse_count, "18446744073709552k"), "");
  EXPECT_NE(refusal_of(parse_size, "16777216T"), "");
  EXPECT_NE(refusal_of(parse_duration, "9223372037"), "");
  EXPECT_NE(refusal_of(parse_duration, "9223372036.9"), "");
  EXPECT_NE(refusal_of(parse_duration, "99999999999999999999s"), "");
  EXPECT_EQ(parse_duration("9223372036.854775807"), nanoseconds::max());
}

TEST(Quantity, ARefusalStatesInOneLineWhatWasGivenAndWhatIsAllowed) {
  EXPECT_EQ(refusal_of(parse_count, "9E"),
            "\"9E\" is not a count: digits, then nothing, k (1,000) or M (1,000,000), as in 10000, "
            "10k or 1M");
  EXPECT_EQ(refusal_of(parse_size, "-1").rfind("\"-1\" is not a size in bytes", 0), 0U);
  EXPECT_EQ(refusal_of(parse_duration, "5sec").rfind("\"5sec\" is not a duration", 0), 0U);
  EXPECT_EQ(refusal_of(parse_count, "1\n2").find('\n'), std::string::npos);
}

TEST(Quantity, CountsAreWrittenWithThousandsSeparators) {
  const std::vector<std::pair<std::uint64_t, std::string>> table{
      {0, "0"}, {999, "999"}, {1'000, "1,000"}, {10'000, "10,000"}, {1'234'567, "1,234,567"}};
  for (const auto& [value, text] : table) EXPECT_EQ(format_count(value), text);
}

TEST(Quantity, BytesAreWrittenInThreeDigitsAndBinaryUnits) {
  const std::vector<std::pair<std::uint64_t, std::string>> table{
      {0, "0 B"},
      {512, "512 B"},
      {1'023, "1023 B"},
      {1'024, "1 KiB"},
      {65'536, "64 KiB"},
      {8'388'608, "8 MiB"},
      {1'536, "1.5 KiB"},
      {1'048'575, "1 MiB"},
      {25'000'000'000, "23.3 GiB"},
      {18'446'744'073'709'551'615ULL, "16 EiB"}};
  for (const auto& [value, text] : table) EXPECT_EQ(format_bytes(value), text);
}

TEST(Quantity, DurationsAreWrittenAsPeopleWriteThem) {
  const std::vector<std::pair<std::int64_t, std::string>> table{{0, "0 ns"},
                                                                {999, "999 ns"},
                                                                {50'000, "50 us"},
                                                                {999'960, "1 ms"},
                                                                {1'250'000'000, "1.25 s"},
                                                                {10'000'000'000, "10 s"},
                                                                {59'999'000'000, "1m"},
                                                                {90'000'000'000, "1m 30s"},
                                                                {7'500'000'000'000, "2h 5m"},
                                                                {3'599'700'000'000, "1h"},
                                                                {-250'000'000, "-250 ms"}};
  for (const auto& [value, text] : table) EXPECT_EQ(format_duration(nanoseconds{value}), text);
  EXPECT_EQ(format_duration(nanoseconds::min()).front(), '-');
}

}  // namespace
}  // namespace limits
