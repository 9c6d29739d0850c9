// The share of one of several clients.
#include "client/options/share.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "client/options/options.hpp"
#include "echo/exit_code.hpp"

namespace client {
namespace {

TEST(Share, IsRankAndRanks) {
  const Share share = parse_share("2/4");
  EXPECT_EQ(share.rank, 2U);
  EXPECT_EQ(share.ranks, 4U);
  for (const char* wrong : {"", "1", "4/4", "1/0", "-1/2", "1/2x", " 0/1", "0/4097", "a/b"})
    EXPECT_THROW((void)parse_share(wrong), std::invalid_argument) << wrong;
}

TEST(Share, PartsAddUpAndDifferByOne) {
  for (const std::uint64_t total : {4U, 7U, 10'000U, 10'003U}) {
    std::uint64_t sum = 0;
    std::set<std::uint64_t> parts;
    for (std::uint32_t rank = 0; rank < 4; ++rank) {
      const std::uint64_t part = Share{rank, 4}.of(total);
      sum += part;
      parts.insert(part);
    }
    EXPECT_EQ(sum, total);
    EXPECT_LE(*parts.rbegin() - *parts.begin(), 1U);
  }
}

TEST(Share, RatesAreInProportionToTheConnections) {
  Options whole;
  whole.mode = Mode::stream;
  whole.connections = 10;
  whole.rate = 1000;
  whole.connect_rate = 100;
  double rate = 0;
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    const Options mine = options_of(whole, {rank, 4});
    EXPECT_DOUBLE_EQ(mine.rate / static_cast<double>(mine.connections), 100);
    EXPECT_DOUBLE_EQ(mine.connect_rate / static_cast<double>(mine.connections), 10);
    EXPECT_EQ(mine.share.rank, rank);
    rate += mine.rate;
  }
  EXPECT_DOUBLE_EQ(rate, 1000);
}

TEST(Share, OfOneClientIsTheWhole) {
  Options whole;
  whole.connections = 1;
  EXPECT_EQ(options_of(whole, {}).connections, 1U);
}

TEST(Share, RefusesWhatCannotBeShared) {
  Options few;
  few.connections = 3;
  EXPECT_THROW((void)options_of(few, {0, 4}), echo::Exit);
  Options search;
  search.find_rate = Objective::parse("p99<5ms");
  EXPECT_THROW((void)options_of(search, {0, 2}), echo::Exit);
}

}  // namespace
}  // namespace client
