// Option values of the client that are more than a number: the ancestor's spellings, targets,
// networks, rates, labels, times.
#include "client/options/option_values.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "echo/options.hpp"

namespace client {
namespace {

using Words = std::vector<std::string>;

Words as_words(Words words) {
  words.insert(words.begin(), "client");
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  return client::modernised(static_cast<int>(argv.size()), argv.data());
}

TEST(OptionValues, TheAncestorsSpellingsAreUnderstood) {
  struct Row {
    Words typed, meant;
  };
  const Row rows[] = {
      {{"-host", "h"}, {"h"}},
      {{"-host=h"}, {"h"}},
      {{"-host", "h:7", "-n", "10"}, {"h:7", "-n", "10"}},
      {{"-data", "x y"}, {"--data=x y"}},
      {{"-data=x=y"}, {"--data=x=y"}},
      {{"-n=10"}, {"--connections=10"}},
      {{"-n=10k", "-host", "h", "-data", "d"}, {"--connections=10k", "h", "--data=d"}},
      // Current options are not changed, nor are words that only begin like an old one.
      {{"-h"}, {"-h"}},
      {{"-n", "10"}, {"-n", "10"}},
      {{"-n10"}, {"-n10"}},
      {{"--host", "-hosts", "-database", "-nn=1"}, {"--host", "-hosts", "-database", "-nn=1"}},
      {{}, {}},
  };
  for (const Row& row : rows) EXPECT_EQ(as_words(row.typed), row.meant);
}

TEST(OptionValues, LiesInReturnsWhetherANetworkHoldsAnAddress) {
  struct Row {
    const char* address;
    Words networks;
    bool inside;
  };
  const Row rows[] = {
      {"10.1.2.3", {"10.0.0.0/8"}, true},
      {"11.1.2.3", {"10.0.0.0/8"}, false},
      {"11.1.2.3", {"10.0.0.0/7"}, true},
      {"192.0.2.129", {"192.0.2.128/25"}, true},
      {"192.0.2.127", {"192.0.2.128/25"}, false},
      {"192.0.2.1", {"192.0.2.1"}, true},      // without a length: only that address
      {"192.0.2.2", {"192.0.2.1/32"}, false},  //
      {"192.0.2.2", {"0.0.0.0/0"}, true},      // length 0: all of its family,
      {"fd00::1", {"0.0.0.0/0"}, false},       // and no other
      {"fd12::1", {"fd00::/8"}, true},
      {"fe12::1", {"fd00::/8"}, false},
      {"2001:db8::1", {"2001:db8::1/128"}, true},
      {"192.0.2.2", {"10.0.0.0/8", "192.0.2.0/24"}, true},
      {"192.0.2.2", {}, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(lies_in(echo::resolve(row.address, 1).front(), row.networks), row.inside)
        << row.address << " in " << (row.networks.empty() ? "nothing" : row.networks.front());
  }
}

TEST(OptionValues, OtherTextThanANetworkIsRefusedWithAnExample) {
  const echo::Endpoint endpoint = echo::resolve("192.0.2.2", 1).front();
  for (const char* text : {"", "x", "10.0.0/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/8x",
                           "10.0.0.0/-1", "fd00::/129", "fd00:::/8", "/8"}) {
    try {
      lies_in(endpoint, {text});
      ADD_FAILURE() << "\"" << text << "\" passed";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("10.0.0.0/8"), std::string::npos) << error.what();
    }
  }
}

TEST(OptionValues, ATargetIsAHostAndOneOrSeveralPorts) {
  struct Row {
    const char* typed;
    const char* host;
    std::uint16_t first, last;
  };
  const Row rows[] = {
      {"h", "h", 1234, 1234},
      {"h:7", "h", 7, 7},
      {":7", "localhost", 7, 7},
      {"h:7-9", "h", 7, 9},
      {":7-9", "localhost", 7, 9},
      {"h:7-7", "h", 7, 7},
      {"h:1-65535", "h", 1, 65'535},
      {"127.0.0.1:7-9", "127.0.0.1", 7, 9},
      {"[::1]:7-9", "::1", 7, 9},
      {"[::1]:7", "::1", 7, 7},
      {"::1", "::1", 1234, 1234},
      // A dash in a name does not make a range.
      {"my-host", "my-host", 1234, 1234},
      {"my-host:7", "my-host", 7, 7},
      {"my-host:7-9", "my-host", 7, 9},
  };
  for (const Row& row : rows) {
    const Target target = parse_target(row.typed);
    EXPECT_EQ(target.host, row.host) << row.typed;
    EXPECT_EQ(target.first_port, row.first) << row.typed;
    EXPECT_EQ(target.last_port, row.last) << row.typed;
  }
}

/// Expects that `parse` refuses each of `texts` in one line that contains `example`.
template <typename Parse>
void expect_refused(Parse parse, std::initializer_list<const char*> texts, const char* example) {
  for (const char* text : texts) {
    try {
      parse(text);
      ADD_FAILURE() << "accepted: \"" << text << "\"";
    } catch (const std::invalid_argument& error) {
      const std::string line = error.what();
      EXPECT_NE(line.find(example), std::string::npos) << line;
      EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    }
  }
}

TEST(OptionValues, PortsBackwardsOrInWordsAreRefused) {
  expect_refused(parse_target, {"h:9-7", "h:7-", "h:7-x", "h:7-65536", "h:7-9-11", "[::1]:9-7"},
                 "port");
}

TEST(OptionValues, ARateIsEventsPerSecond) {
  struct Row {
    const char* typed;
    double rate;
  };
  const Row rows[] = {{"1", 1},        {"0.001", 0.001}, {"2.5", 2.5}, {"10k", 1e4},
                      {"1.5K", 1'500}, {"2M", 2e6},      {"10M", 1e7}, {"3m", 3e6}};
  for (const Row& row : rows) EXPECT_DOUBLE_EQ(parse_rate(row.typed), row.rate) << row.typed;
  expect_refused(parse_rate,
                 {"", "0", "-1", "0.0009", "11M", "k", "1kk", "1 k", "nan", "inf", "1/s", "1e"},
                 "from 0.001 to 10M");
}

TEST(OptionValues, ProcessorsStayInTheOrderGiven) {
  struct Row {
    const char* typed;
    std::vector<unsigned> cpus;
  };
  const Row rows[] = {{"0", {0}},      {"0,2-3", {0, 2, 3}}, {"5,1", {5, 1}},        {"2-2", {2}},
                      {"1,1", {1, 1}}, {"1023", {1'023}},    {"3-5,0", {3, 4, 5, 0}}};
  for (const Row& row : rows) EXPECT_EQ(echo::parse_cpus(row.typed), row.cpus) << row.typed;
  expect_refused(echo::parse_cpus,
                 {"", ",", "0,", ",0", "0,,1", "3-1", "-1", "1-", "x", "1024", "0-1024", "0 1",
                  "1-2-3", "0x1"},
                 "0,2-3");
}

TEST(OptionValues, ALabelIsAKeyAndAValue) {
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(parse_label("k=v"), (Pair{"k", "v"}));
  EXPECT_EQ(parse_label("k="), (Pair{"k", ""}));
  EXPECT_EQ(parse_label("k=a=b c"), (Pair{"k", "a=b c"})) << "the first equals sign separates them";
  expect_refused(parse_label, {"", "k", "=v", "="}, "KEY=VALUE");
}

TEST(OptionValues, AStartIsUtcOrSecondsSince1970) {
  using std::chrono::milliseconds;
  struct Row {
    const char* typed;
    milliseconds since_1970;
  };
  const Row rows[] = {
      {"1970-01-01T00:00:00Z", milliseconds{0}},
      {"2026-11-21T15:04:05Z", milliseconds{1'795'273'445'000}},
      {"2024-02-29T23:59:59Z", milliseconds{1'709'251'199'000}},
      {"@0", milliseconds{0}},
      {"@1795273445", milliseconds{1'795'273'445'000}},
      {"@1795273445.5", milliseconds{1'795'273'445'500}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(parse_start(row.typed).time_since_epoch(), row.since_1970) << row.typed;
  }
  expect_refused(parse_start,
                 {"", "now", "15:04:05", "2026-11-21", "2026-11-21T15:04:05", "1795273445", "@",
                  "@x", "@-1", "@1e300", "@nan", "2026-11-21T15:04:05Z+1", "2026-13-21T15:04:05Z"},
                 "2026-11-21T15:04:05Z");
}

}  // namespace
}  // namespace client
