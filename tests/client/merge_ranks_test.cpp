// Merging the ranks of a fleet: one verdict on all, a row for each, and the missing named.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "client/report/merge.hpp"
#include "echo/exit_code.hpp"
#include "tests/client/run_by_hand.hpp"

namespace client {
namespace {

namespace json = boost::json;
using Change = std::function<void(json::object&)>;

json::object clock_of(int offset, int bound) {
  return {{"offset_ns", offset}, {"bound_ns", bound}, {"at_ns", 1000}};
}

/// Rank `rank` of three, with the load's options.
RunDocument rank_of_three(int rank, const Measured& run, const Change& change = {}) {
  json::object text = document("r" + std::to_string(rank), run).whole().as_object();
  text["options"] = json::object{{"max-errors", "3"}, {"require-conc", nullptr}};
  text["objectives"] = json::array{};
  text["rank"] = json::object{{"rank", rank},
                              {"ranks", 3},
                              {"host", "h" + std::to_string(rank)},
                              {"clock_before", clock_of(-5000, 20)},
                              {"clock_after", nullptr},
                              {"start", {{"due_ns", 100}, {"begun_ns", 150}}},
                              {"traffic", {{"due_ns", 500}, {"begun_ns", 570}}}};
  if (change) change(text);
  return {"rank-" + std::to_string(rank) + ".json", text};
}

std::vector<RunDocument> three(const Measured& run, const Change& change = {}) {
  return {rank_of_three(0, run, change), rank_of_three(1, run, change),
          rank_of_three(2, run, change)};
}

std::string value_at(const json::value& value, const std::string& pointer) {
  return json::serialize(value.at_pointer(pointer));
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const echo::Exit& error) {
    EXPECT_EQ(error.code(), echo::exit_usage);
    return error.what();
  }
  return "nothing was refused";
}

TEST(MergeRanks, ErrorsAreCountedOverAllOfThem) {
  const Measured one_error{.served = 9, .reset = 1, .exit_code = 0};
  EXPECT_EQ(value_at(merge(three(one_error)), "/exit_code"), "0") << "3 errors, and 3 are allowed";
  const json::value merged = merge(three({.served = 8, .reset = 2, .exit_code = 0}));
  EXPECT_EQ(value_at(merged, "/exit_code"), "1") << "each had 2, within the 3; all together had 6";
  EXPECT_EQ(value_at(merged, "/status"), "\"fail\"");
}

TEST(MergeRanks, ConcurrencyIsThatOfAllOfThem) {
  const auto asking_for = [](const char* connections) {
    return [connections](json::object& text) {
      text["options"].as_object()["require-conc"] = connections;
    };
  };
  EXPECT_EQ(value_at(merge(three({.served = 10}, asking_for("30"))), "/exit_code"), "0");
  EXPECT_EQ(value_at(merge(three({.served = 10}, asking_for("31"))), "/exit_code"), "1");
}

TEST(MergeRanks, AnInterruptionAndAnEarlyEndStay) {
  std::vector<RunDocument> ranks = three({.served = 10});
  ranks[1] = rank_of_three(1, {.served = 10, .exit_code = 130});
  EXPECT_EQ(value_at(merge(ranks), "/exit_code"), "130");
  EXPECT_EQ(value_at(merge(ranks), "/status"), "\"interrupted\"");
  ranks[1] = rank_of_three(1, {.served = 10, .exit_code = 5});
  EXPECT_EQ(value_at(merge(ranks), "/exit_code"), "5");
  ranks[1] = rank_of_three(1, {.served = 10, .exit_code = 4});
  EXPECT_EQ(value_at(merge(ranks), "/exit_code"), "0")
      << "others found the server: its failures count";
}

TEST(MergeRanks, EachHasARowInOrder) {
  std::vector<RunDocument> ranks = three({.served = 10});
  std::swap(ranks[0], ranks[2]);
  const json::value merged = merge(ranks);
  ASSERT_EQ(merged.at("ranks").as_array().size(), 3U);
  EXPECT_EQ(value_at(merged, "/ranks/0/host"), "\"h0\"");
  EXPECT_EQ(value_at(merged, "/ranks/2/rank"), "2");
  EXPECT_EQ(value_at(merged, "/ranks/1/traffic_late_ns"), "70");
  EXPECT_EQ(value_at(merged, "/ranks/1/start_late_ns"), "50");
  EXPECT_EQ(value_at(merged, "/ranks/1/clock_before/offset_ns"), "-5000");
  EXPECT_EQ(value_at(merged, "/missing"), "[]");
  const std::string text = text_of_merge(merged);
  EXPECT_NE(text.find("merged     3 ranks against"), std::string::npos) << text;
  EXPECT_NE(text.find("h1       1   10/10"), std::string::npos) << text;
  EXPECT_EQ(text.find("were made at the same time"), std::string::npos) << text;
}

TEST(MergeRanks, TheirTrafficIsPlacedOnOneClock) {
  std::vector<RunDocument> ranks = three({.served = 10});
  // Drifts from 5 us behind to 1 us behind between 1,000 and 9,000 ns; at 3,000 it is 4 us behind.
  ranks[1] = rank_of_three(1, {.served = 10}, [](json::object& text) {
    json::object& rank = text["rank"].as_object();
    rank["traffic"] = json::object{{"due_ns", 3000}, {"begun_ns", 3000}};
    rank["clock_after"] = json::object{{"offset_ns", -1000}, {"bound_ns", 30}, {"at_ns", 9000}};
  });
  const json::value merged = merge(ranks);
  EXPECT_EQ(value_at(merged, "/ranks/0/traffic_begun"), R"({"reference_ns":5570,"bound_ns":20})");
  EXPECT_EQ(value_at(merged, "/ranks/1/traffic_begun"), R"({"reference_ns":7000,"bound_ns":30})");
  const std::string text = text_of_merge(merged);
  EXPECT_NE(text.find("begun      all within 1.43 us of each other, known to 50 ns\n"),
            std::string::npos)
      << text;
  ranks[1] = rank_of_three(1, {.served = 10}, [](json::object& text) {
    text["rank"].as_object()["clock_before"] = nullptr;
  });
  EXPECT_EQ(value_at(merge(ranks), "/ranks/1/traffic_begun"), "null");
  EXPECT_EQ(text_of_merge(merge(ranks)).find("begun "), std::string::npos);
}

TEST(MergeRanks, OfManyThoseWithFailuresAreShown) {
  std::vector<RunDocument> ranks;
  for (int rank = 0; rank < 40; ++rank) {
    const bool fails = rank == 33;
    ranks.push_back(
        rank_of_three(rank, {.served = fails ? 9U : 10U, .reset = fails ? 1U : 0U},
                      [](json::object& text) { text["rank"].as_object()["ranks"] = 40; }));
  }
  const std::string text = text_of_merge(merge(ranks));
  EXPECT_NE(text.find("\nh33 "), std::string::npos) << text;
  EXPECT_NE(text.find("\n16 of 40 ranks: those with failures, then by p99; all: --json\n"),
            std::string::npos)
      << text;
}

TEST(MergeRanks, OneThatIsMissingIsNamedAndFailsTheWhole) {
  const std::vector<RunDocument> two{rank_of_three(0, {.served = 10}),
                                     rank_of_three(1, {.served = 10})};
  const json::value merged = merge(two, {parse_missing("2=h2: its launcher ended: killed")});
  EXPECT_EQ(value_at(merged, "/exit_code"), "1");
  EXPECT_EQ(value_at(merged, "/missing"),
            R"([{"rank":2,"host":"h2","why":"its launcher ended: killed"}])");
  const std::string text = text_of_merge(merged);
  EXPECT_NE(text.find("rank 2 (h2) is missing: its launcher ended: killed"), std::string::npos);
  EXPECT_NE(text.find("FAIL: 20 of 20 served, a rank is missing"), std::string::npos) << text;
  EXPECT_EQ(value_at(merge(two), "/missing"), R"([{"rank":2,"host":null,"why":"no document"}])");
}

TEST(MergeRanks, EachThatIsMissingIsNamed) {
  const std::string text = text_of_merge(
      merge({rank_of_three(0, {.served = 10})}, {{1, "h1", "killed"}, {2, "h2", "killed"}}));
  EXPECT_NE(text.find("rank 1 (h1) is missing: killed"), std::string::npos) << text;
  EXPECT_NE(text.find("rank 2 (h2) is missing: killed"), std::string::npos) << text;
  EXPECT_NE(text.find(", 2 ranks are missing\n"), std::string::npos) << text;
}

TEST(MergeRanks, AForeignByteHasTheRankAndTheHostOfBoth) {
  std::vector<RunDocument> ranks = three({.served = 10});
  ranks[1] = rank_of_three(1, {.served = 10}, [](json::object& text) {
    text["echoes"].as_object()["first_mismatch"] = json::object{
        {"connection", 7}, {"message", 1},
        {"offset", 16},    {"expected", 0xab},
        {"got", 0x0c},     {"owner", {{"connection", 5}, {"message", 2}, {"rank", 2}}}};
  });
  const std::string text = text_of_merge(merge(ranks));
  EXPECT_NE(text.find("mismatch   connection 7 (rank 1, h1), message 1, offset 16: expected 0xab, "
                      "got 0x0c, a byte of connection 5 (rank 2, h2), message 2\n"),
            std::string::npos)
      << text;
}

TEST(MergeRanks, WarningsOfTheSameKindAreOneLine) {
  const json::value merged = merge(three({.served = 10}, [](json::object& text) {
    const std::string host(text["rank"].as_object()["host"].as_string());
    text["warnings"] = json::array{"sent late, p99 " + host.substr(1) + ".7 ms"};
  }));
  EXPECT_EQ(merged.at("warnings").as_array().size(), 3U);
  const std::string text = text_of_merge(merged);
  EXPECT_NE(text.find("rank 0 (h0): sent late, p99 0.7 ms (so 2 more ranks)\n"), std::string::npos)
      << text;
}

TEST(MergeRanks, ADoubtfulStartIsAWarning) {
  std::vector<RunDocument> ranks = three({.served = 10});
  ranks[0] = rank_of_three(
      0, {.served = 10}, [](json::object& text) { text["rank"].as_object()["traffic"] = nullptr; });
  ranks[1] = rank_of_three(1, {.served = 10}, [](json::object& text) {
    text["rank"].as_object()["traffic"].as_object()["begun_ns"] = 20'000'500;
    text["rank"].as_object()["clock_after"] = clock_of(0, 3'000'000);
  });
  const std::string warnings = value_at(merge(ranks), "/warnings");
  for (const char* part : {"rank 0 (h0): no common start", "traffic began 20 ms after",
                           "rank 1 (h1): its clock is known to 3 ms only"})
    EXPECT_NE(warnings.find(part), std::string::npos) << part << " in " << warnings;
}

TEST(MergeRanks, OneThatBeganAtAnotherTimeIsAWarning) {
  // Nobody waited for it any more, or its document is left from another run.
  std::vector<RunDocument> ranks = three({.served = 10});
  const auto begun_at = [](std::int64_t ns) {
    return [ns](json::object& text) {
      text["rank"].as_object()["traffic"] = json::object{{"due_ns", ns}, {"begun_ns", ns}};
    };
  };
  ranks[2] = rank_of_three(2, {.served = 10}, begun_at(9'000'000));
  EXPECT_EQ(value_at(merge(ranks), "/warnings").find("not one load"), std::string::npos);
  ranks[2] = rank_of_three(2, {.served = 10}, begun_at(30'000'000'000));
  EXPECT_NE(value_at(merge(ranks), "/warnings")
                .find("rank 2 (h2): its traffic began 30 s after that of rank 0 (h0): they were "
                      "not one load"),
            std::string::npos)
      << value_at(merge(ranks), "/warnings");
}

TEST(MergeRanks, WhatContradictsItselfIsRefusedInOneLine) {
  const auto refusal = [](const Change& change) {
    return message_of([&] { (void)merge({rank_of_three(0, {.served = 1}, change)}); });
  };
  const auto set = [](const char* key, const json::value& value) {
    return [key, value](json::object& text) { text["rank"].as_object()[key] = value; };
  };
  EXPECT_NE(refusal(set("rank", 3)).find("/rank/rank: not below"), std::string::npos);
  EXPECT_NE(refusal(set("ranks", 0)).find("/rank/ranks"), std::string::npos);
  EXPECT_NE(refusal(set("host", 7)).find("/rank/host"), std::string::npos);
  EXPECT_NE(refusal(set("clock_before", json::object{{"offset_ns", "x"}})).find("offset_ns"),
            std::string::npos);
  EXPECT_NE(refusal(set("traffic", json::object{{"due_ns", 5}, {"begun_ns", 4}})).find("before"),
            std::string::npos);
  EXPECT_NE(refusal([](json::object& text) { text["rank"] = 1; }).find("/rank"), std::string::npos);
  const auto many = [](json::object& text) { text["options"].as_object()["max-errors"] = "many"; };
  EXPECT_NE(
      message_of([&] { (void)merge(three({.served = 1}, many)); }).find("/options/max-errors"),
      std::string::npos);
}

TEST(MergeRanks, OnlyRanksOfOneFleetGoTogether) {
  const RunDocument zero = rank_of_three(0, {.served = 1});
  const auto merging = [&zero](const RunDocument& other,
                               const std::vector<MissingRank>& missing = {}) {
    return message_of([&] { (void)merge({zero, other}, missing); });
  };
  EXPECT_NE(merging(document("alone", {.served = 1})).find("alone"), std::string::npos);
  EXPECT_NE(merging(rank_of_three(0, {.served = 2})).find("/rank/rank: 0, as in rank-0.json"),
            std::string::npos);
  EXPECT_NE(
      merging(rank_of_three(1, {.served = 1},
                            [](json::object& text) { text["rank"].as_object()["ranks"] = 4; }))
          .find("4, but 3 in rank-0.json"),
      std::string::npos);
  EXPECT_NE(merging(rank_of_three(1, {.served = 1}), {{1, "h1", "x"}}).find("rank 1 is there"),
            std::string::npos);
  EXPECT_NE(merging(rank_of_three(1, {.served = 1}), {{7, "h1", "x"}}).find("none of the fleet"),
            std::string::npos);
  for (const char* wrong : {"", "1", "1=h", "1=h:", "x=h: y", "1=h: "})
    EXPECT_THROW((void)parse_missing(wrong), std::invalid_argument) << wrong;
}

}  // namespace
}  // namespace client
