// The client's command line: the ancestor's spellings, networks, and the deadline that follows from
// a plan.
#include "client/options.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <stdexcept>

namespace client {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Words = std::vector<std::string>;

Words modernised(Words words) {
  words.insert(words.begin(), "client");
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  return client::modernised(static_cast<int>(argv.size()), argv.data());
}

Options parsed(Words words) {
  CLI::App app;
  Options options;
  declare(app, options);
  words = modernised(std::move(words));
  std::reverse(words.begin(), words.end());
  app.parse(words);
  return options;
}

TEST(Options, TheAncestorsSpellingsAreUnderstood) {
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
      // Today's are left as they are, and so are words that only begin alike.
      {{"-h"}, {"-h"}},
      {{"-n", "10"}, {"-n", "10"}},
      {{"-n10"}, {"-n10"}},
      {{"--host", "-hosts", "-database", "-nn=1"}, {"--host", "-hosts", "-database", "-nn=1"}},
      {{}, {}},
  };
  for (const Row& row : rows) EXPECT_EQ(modernised(row.typed), row.meant);
}

TEST(Options, OfTheAncestorMeanTheSame) {
  const Options options = parsed({"-n=10k", "-host", "127.0.0.1:7", "-data=hello"});
  EXPECT_EQ(options.connections, 10'000U);
  EXPECT_EQ(options.target.host, "127.0.0.1");
  EXPECT_EQ(options.target.port, 7);
  EXPECT_EQ(options.data, "hello");
}

TEST(Options, AreReadInTheirUnits) {
  const Options options =
      parsed({"[::1]:7", "-n", "1M", "-s", "64K", "-m", "3", "-R", "2.5", "-d", "250ms",
              "--timeout", "2", "--deadline", "1m", "--progress", "never"});
  EXPECT_EQ(options.target.host, "::1");
  EXPECT_EQ(options.connections, 1'000'000U);
  EXPECT_EQ(options.size, 65'536U);
  EXPECT_EQ(options.messages, 3U);
  EXPECT_DOUBLE_EQ(options.rate, 2.5);
  EXPECT_EQ(options.idle, std::chrono::milliseconds{250});
  EXPECT_EQ(options.timeout, seconds{2});
  EXPECT_EQ(options.deadline, seconds{60});
  EXPECT_EQ(options.progress, ShowProgress::never);
}

TEST(Options, LiesInTellsWhetherANetworkHoldsAnAddress) {
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
      {"192.0.2.1", {"192.0.2.1"}, true},      // without a length: that address alone
      {"192.0.2.2", {"192.0.2.1/32"}, false},  //
      {"192.0.2.2", {"0.0.0.0/0"}, true},      // length 0: all of the family,
      {"fd00::1", {"0.0.0.0/0"}, false},       // and none of the other
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

TEST(Options, WhatIsNoNetworkIsRefusedWithAnExample) {
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

TEST(Options, TheDeadlineIsTheOneGivenOrFollowsFromThePlan) {
  Options options;
  options.deadline = seconds{3};
  EXPECT_EQ(options.effective_deadline(), seconds{3});
  options.deadline.reset();

  const auto usual = options.effective_deadline();
  EXPECT_GT(usual, options.connect_timeout + options.timeout) << "only a hang reaches it";
  EXPECT_LT(usual, seconds{120}) << "a hang of a small run ends soon";

  Options idle = options;
  idle.idle = hours{2};
  EXPECT_EQ(idle.effective_deadline(), usual + hours{2});
  Options slow = options;
  slow.rate = 1;  // 100 messages, one a second
  EXPECT_GT(slow.effective_deadline(), usual + seconds{99});
  Options many = options;
  many.connections = 1'000'000;
  EXPECT_GT(many.effective_deadline(), seconds{1'000});
}

// Bug: twice a time-out of 200 years does not fit 64 bits of nanoseconds; the sum was a time in the
// past.
TEST(Options, NoPlanIsLongEnoughToOverflowItsDeadline) {
  Options options = parsed({"-n", "4294967280", "-m", "4294967294", "-s", "1G", "-R", "0.001", "-d",
                            "2000000h", "--timeout", "2000000h", "--connect-timeout", "2000000h"});
  EXPECT_GT(options.effective_deadline(), hours{24 * 365});
  EXPECT_LT(options.effective_deadline(), hours{24 * 365 * 100});
  options.deadline = std::chrono::nanoseconds::max();
  EXPECT_LT(options.effective_deadline(), hours{24 * 365 * 100});
}

}  // namespace
}  // namespace client
