// Message sizes: which texts are parsed, which sizes are drawn, and that sender and verifier draw
// the same.
#include "client/schedule/sizes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <stdexcept>

namespace client {
namespace {

constexpr std::uint32_t draws = 100'000;

/// Number of times each size is drawn.
std::map<std::uint32_t, std::uint32_t> drawn(const MessageSizes& sizes) {
  std::map<std::uint32_t, std::uint32_t> counts;
  for (std::uint32_t i = 0; i < draws; ++i) ++counts[sizes.of({i % 100, i / 100})];
  return counts;
}

TEST(Sizes, OfOneSizeAreAllEqual) {
  for (const MessageSizes& sizes : {MessageSizes{64}, MessageSizes::parse("64")}) {
    EXPECT_EQ(drawn(sizes), (std::map<std::uint32_t, std::uint32_t>{{64, draws}}));
    EXPECT_EQ(sizes.largest(), 64U);
    EXPECT_DOUBLE_EQ(sizes.mean(), 64);
    EXPECT_FALSE(sizes.varies());
  }
}

TEST(Sizes, AreParsed) {
  struct Row {
    const char* typed;
    std::uint32_t largest;
    double mean;
    bool varies;
  };
  const Row rows[] = {
      {"1", 1, 1, false},
      {"64K", 65'536, 65'536, false},
      {"1G", 1U << 30U, 1U << 30U, false},
      {"64-64", 64, 64, false},
      {"64:7", 64, 64, false},
      {"64-4096", 4'096, 2'080, true},
      {"1K-2K", 2'048, 1'536, true},
      {"64,64", 64, 64, true},
      {"100:3,200:1", 200, 125, true},
      {"100,200,300", 300, 200, true},
      {"64:7,1024:2,64K:1", 65'536, 6'803.2, true},
      {"1-9:9,100-200:1", 200, 19.5, true},
  };
  for (const Row& row : rows) {
    const MessageSizes sizes = MessageSizes::parse(row.typed);
    EXPECT_EQ(sizes.largest(), row.largest) << row.typed;
    EXPECT_NEAR(sizes.mean(), row.mean, 1e-9 * row.mean) << row.typed;
    EXPECT_EQ(sizes.varies(), row.varies) << row.typed;
  }
}

TEST(Sizes, InvalidOnesAreRefusedWithTheAllowedForms) {
  for (const char* text :
       {"",     "0",    "-1",         "x",   "64-", "-64",    "96-64",  "0-64",
        "64:",  "64:0", "64:1000001", "64,", ",64", "64,,64", "64:1:2", "64-96-128",
        "64:x", "2G",   "1-2G",       "64 ", "1.5", "64:-1",  "64-:3"}) {
    try {
      MessageSizes::parse(text);
      ADD_FAILURE() << "accepted: \"" << text << "\"";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("64:7,1024:2,65536:1"), std::string::npos)
          << error.what();
    }
  }
}

TEST(Sizes, OfARangeIncludeBothEndsAndAreEquallyFrequent) {
  MessageSizes sizes = MessageSizes::parse("10-19");
  sizes.set_seed(3);
  const auto counts = drawn(sizes);
  ASSERT_EQ(counts.size(), 10U);
  EXPECT_EQ(counts.begin()->first, 10U);
  EXPECT_EQ(counts.rbegin()->first, 19U);
  for (const auto& [size, count] : counts) {
    // Binomial: a standard deviation of 95.
    EXPECT_NEAR(count, draws / 10.0, 5 * 95) << size << " bytes";
  }
}

TEST(Sizes, FollowTheirWeights) {
  struct Row {
    const char* typed;
    std::map<std::uint32_t, double> shares;
  };
  const Row rows[] = {
      {"64:7,1024:2,65536:1", {{64, 0.7}, {1'024, 0.2}, {65'536, 0.1}}},
      {"5:1,6:1", {{5, 0.5}, {6, 0.5}}},
      {"5,6,7:2", {{5, 0.25}, {6, 0.25}, {7, 0.5}}},
      {"7:1,7:3", {{7, 1}}},
      {"1-2:1,9:1", {{1, 0.25}, {2, 0.25}, {9, 0.5}}},
      {"1:1000000,2:1000000", {{1, 0.5}, {2, 0.5}}},
  };
  for (const Row& row : rows) {
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{99}}) {
      MessageSizes sizes = MessageSizes::parse(row.typed);
      sizes.set_seed(seed);
      const auto counts = drawn(sizes);
      EXPECT_EQ(counts.size(), row.shares.size()) << row.typed;
      for (const auto& [size, count] : counts) {
        const double share = row.shares.at(size);
        const double deviation = std::sqrt(draws * share * (1 - share));
        EXPECT_NEAR(count, draws * share, 5 * deviation) << row.typed << ": " << size << " bytes";
      }
    }
  }
}

TEST(Sizes, HaveTheReportedMean) {
  MessageSizes sizes = MessageSizes::parse("64:7,1-100:5,1024:2,4096:1");
  sizes.set_seed(17);
  double sum = 0;
  for (const auto& [size, count] : drawn(sizes)) sum += double{1} * size * count;
  EXPECT_NEAR(sum / draws, sizes.mean(), 0.02 * sizes.mean());
}

TEST(Sizes, DependOnlyOnTheMessageAndTheSeed) {
  MessageSizes sizes = MessageSizes::parse("1-1G");
  MessageSizes same = MessageSizes::parse("1-1G");
  MessageSizes other = MessageSizes::parse("1-1G");
  sizes.set_seed(7);
  same.set_seed(7);
  other.set_seed(8);
  int alike = 0;
  for (std::uint32_t i = 1'000; i-- > 0;) {  // in any order
    const echo::MessageId id{i, i / 3};
    ASSERT_EQ(sizes.of(id), same.of(id));
    if (sizes.of(id) == other.of(id)) ++alike;
    EXPECT_NE(sizes.of({i, 0}), sizes.of({i, 1}));
    EXPECT_NE(sizes.of({i, 0}), sizes.of({i + 1, 0}));
  }
  EXPECT_LT(alike, 5);
}

}  // namespace
}  // namespace client
