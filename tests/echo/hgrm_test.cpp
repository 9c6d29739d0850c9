// HdrHistogram's percentile text: byte for byte, and parsed as its plotters parse it.
#include "echo/hgrm.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace echo {
namespace {

using namespace std::chrono_literals;

TEST(Hgrm, IsHdrHistogramsTextByteForByte) {
  Histogram histogram;
  for (int i = 0; i < 90; ++i) histogram.record(100ns);
  for (int i = 0; i < 9; ++i) histogram.record(200us);
  histogram.record(3ms);
  EXPECT_EQ(hgrm_of(histogram), R"(          Value     Percentile TotalCount 1/(1-Percentile)

       0.000100 0.000000000000         90           1.00
       0.000100 0.100000000000         90           1.11
       0.000100 0.200000000000         90           1.25
       0.000100 0.300000000000         90           1.43
       0.000100 0.400000000000         90           1.67
       0.000100 0.500000000000         90           2.00
       0.000100 0.550000000000         90           2.22
       0.000100 0.600000000000         90           2.50
       0.000100 0.650000000000         90           2.86
       0.000100 0.700000000000         90           3.33
       0.000100 0.750000000000         90           4.00
       0.000100 0.775000000000         90           4.44
       0.000100 0.800000000000         90           5.00
       0.000100 0.825000000000         90           5.71
       0.000100 0.850000000000         90           6.67
       0.000100 0.875000000000         90           8.00
       0.000100 0.887500000000         90           8.89
       0.000100 0.900000000000         90          10.00
       0.200192 0.912500000000         99          11.43
       0.200192 0.925000000000         99          13.33
       0.200192 0.937500000000         99          16.00
       0.200192 0.943750000000         99          17.78
       0.200192 0.950000000000         99          20.00
       0.200192 0.956250000000         99          22.86
       0.200192 0.962500000000         99          26.67
       0.200192 0.968750000000         99          32.00
       0.200192 0.971875000000         99          35.56
       0.200192 0.975000000000         99          40.00
       0.200192 0.978125000000         99          45.71
       0.200192 0.981250000000         99          53.33
       0.200192 0.984375000000         99          64.00
       0.200192 0.985937500000         99          71.11
       0.200192 0.987500000000         99          80.00
       0.200192 0.989062500000         99          91.43
       3.000000 0.990625000000        100         106.67
       3.000000 1.000000000000        100
#[Mean    =     0.048090, StdDeviation   =     0.302147]
#[Max     =     3.000000, Total count    =          100]
#[Buckets =           33, SubBuckets     =          256]
)");
}

/// The rows, by hdr-plot's own pattern: four numbers after blanks.
std::vector<double> values_as_hdr_plot_reads_them(const std::string& text) {
  static const std::regex row(R"(\s+([0-9.]+)\s+([0-9.]+)\s+([0-9.]+)\s+([0-9.]+))");
  std::vector<double> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row)) values.push_back(std::stod(match[1]));
  }
  return values;
}

TEST(Hgrm, ReportsInACommentWhatItsFormatCannotHold) {
  Histogram histogram;
  for (int i = 0; i < 90; ++i) histogram.record(1ms);
  for (int i = 0; i < 8; ++i) histogram.record_censored(10s);
  for (int i = 0; i < 2; ++i) histogram.record(1h);
  const std::string text = hgrm_of(histogram);
  const std::string ending =
      "# 8 of 100 got no answer: values from 10000.000000 on are lower bounds\n"
      "# 2 of 100 are beyond 1099511.627776 and shown as that value\n";
  EXPECT_TRUE(text.ends_with(ending)) << text;
  const auto values = values_as_hdr_plot_reads_them(text);
  ASSERT_FALSE(values.empty());
  EXPECT_NEAR(values.front(), 1, 0.005);
  EXPECT_NEAR(values[values.size() - 2], 10'000, 50) << "censored values stay in the distribution";
}

TEST(Hgrm, KeepsTheBlankBeforeItsLongestValues) {
  Histogram histogram;
  for (int i = 0; i < 20; ++i) histogram.record(1h);
  const auto values = values_as_hdr_plot_reads_them(hgrm_of(histogram));
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values.front(), 1099511.627776) << "ms: the end of the axis";
}

TEST(Hgrm, AgreesWithThePercentilesOfTheReport) {
  Histogram histogram;
  for (int i = 1; i <= 10'000; ++i) histogram.record(i * 1us);
  const std::string text = hgrm_of(histogram);
  EXPECT_EQ(histogram.percentile(50)->ns, 4'997'120U);
  EXPECT_NE(text.find("      4.997120 0.500000000000"), std::string::npos) << text;
}

TEST(Hgrm, OfNothingIsHeaderAndSummary) {
  EXPECT_EQ(hgrm_of({}), R"(          Value     Percentile TotalCount 1/(1-Percentile)

#[Mean    =     0.000000, StdDeviation   =     0.000000]
#[Max     =     0.000000, Total count    =            0]
#[Buckets =           33, SubBuckets     =          256]
)");
}

}  // namespace
}  // namespace echo
