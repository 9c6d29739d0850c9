// The table of wire cases against the protocol without I/O: whole, and however it is cut.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/protocol/http_driver.hpp"
#include "tests/protocol/wire_cases.hpp"

namespace tests {
namespace {

using protocol::After;

protocol::HttpSettings settings_of(std::uint64_t buffer_size) {
  protocol::HttpSettings settings = fixed_settings();
  settings.max_body = wire_cases_max_body;
  settings.buffer_size = buffer_size;
  return settings;
}

/// The bytes of a case and of the probe after it are received with these cuts.
HttpDriver answered(const WireCase& each, std::uint64_t buffer_size,
                    const std::vector<std::size_t>& cuts = {}) {
  HttpDriver driver{settings_of(buffer_size)};
  driver.receive(each.sent, cuts);
  if (driver.is_open()) driver.receive(probe);
  return driver;
}

/// How it differs from what is expected, or from the rules of the interface.
std::string fault_of(const WireCase& each, const HttpDriver& driver) {
  if (!driver.fault().empty()) return driver.fault();
  if (driver.is_open() != stays_open(each)) return driver.is_open() ? "is open" : "is closed";
  if (driver.is_open() && !driver.is_at_rest()) return "is not at rest";
  return difference(each, driver.sent());
}

TEST(HttpWire, HasAtLeast120CasesWithNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const WireCase& each : wire_cases()) names.insert(each.name);
  EXPECT_EQ(names.size(), wire_cases().size());
  EXPECT_GE(names.size(), 120U);
}

TEST(HttpWire, EachCaseIsAnsweredAsTheRfcSays) {
  for (const WireCase& each : wire_cases())
    EXPECT_EQ(fault_of(each, answered(each, 1024)), "") << each.name << ", RFC " << each.section;
}

TEST(HttpWire, EachCaseIsAnsweredInTheSameWayWithAnyBufferSize) {
  for (const WireCase& each : wire_cases()) {
    const std::string whole = answered(each, 1024).sent();
    for (const std::uint64_t size : {1U, 2U, 7U, 100U, 319U, 320U, 321U, 65536U}) {
      const HttpDriver driver = answered(each, size);
      ASSERT_EQ(fault_of(each, driver), "") << each.name << ", buffer of " << size;
      ASSERT_EQ(driver.sent(), whole) << each.name << ", buffer of " << size;
    }
  }
}

TEST(HttpWire, EachCaseIsAnsweredInTheSameWayWhereverItIsCut) {
  constexpr std::size_t longest = 300;  // longer ones are cut at random places, below
  for (const WireCase& each : wire_cases()) {
    const std::string whole = answered(each, 1024).sent();
    const std::size_t end = std::min(each.sent.size(), longest);
    for (std::size_t cut = 1; cut < end; ++cut) {
      const HttpDriver driver = answered(each, 1024, {cut});
      ASSERT_EQ(driver.fault(), "") << each.name << ", cut at " << cut;
      ASSERT_EQ(driver.sent(), whole) << each.name << ", cut at " << cut;
      ASSERT_EQ(driver.is_open(), stays_open(each)) << each.name << ", cut at " << cut;
    }
  }
}

TEST(HttpWire, EachCaseIsAnsweredInTheSameWayHoweverOftenItIsCut) {
  std::mt19937 random{16};  // NOLINT: the same cuts in each run
  for (const WireCase& each : wire_cases()) {
    const std::string whole = answered(each, 1024).sent();
    for (int round = 0; round < 10; ++round) {
      std::vector<std::size_t> cuts;
      const std::size_t pieces = 1 + random() % 20;
      for (std::size_t piece = 0; piece < pieces; ++piece)
        cuts.push_back(1 + random() % each.sent.size());
      std::sort(cuts.begin(), cuts.end());
      const std::uint64_t buffer_size = 1 + random() % 2000;
      const HttpDriver driver = answered(each, buffer_size, cuts);
      ASSERT_EQ(driver.fault(), "") << each.name << ", round " << round;
      ASSERT_EQ(driver.sent(), whole) << each.name << ", round " << round;
    }
  }
}

TEST(HttpWire, AHundredPipelinedRequestsAreAnsweredInOrderWhereverTheyAreCut) {
  std::string sent;
  std::string expected;
  for (int number = 0; number < 100; ++number) {
    const std::string body = "number " + std::to_string(number);
    sent += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\n\r\n" + body;
    expected += body + "|";
  }
  for (const std::uint64_t size : {1U, 100U, 1000U, 20000U}) {
    HttpDriver driver{settings_of(size)};
    driver.receive(sent);
    ASSERT_EQ(driver.fault(), "");
    std::string bodies;
    for (const ReadAnswer& answer : read_answers(driver.sent()).answers)
      bodies += answer.body + "|";
    EXPECT_EQ(bodies, expected);
    EXPECT_EQ(driver.messages(), 100U);
    EXPECT_TRUE(driver.is_at_rest());
  }
}

}  // namespace
}  // namespace tests
