// The report of all ranks of client-mpi: judged on all of them, and complete or not. No MPI here.
#include "client/mpi/whole.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "client/mpi/own_files.hpp"
#include "echo/exit_code.hpp"
#include "tests/client/run_by_hand.hpp"

namespace client::mpi {
namespace {

namespace json = boost::json;

/// The result of one of `ranks`. tests/client/merge_ranks_test.cpp has the verdict on all of them.
Part part(std::uint32_t rank, std::uint32_t ranks, const Measured& run) {
  const std::string host = "h" + std::to_string(rank);
  json::object text = document(host, run).whole().as_object();
  text["options"] = json::object{{"max-errors", "1000"}};
  text["objectives"] = json::array{};
  text["rank"] = json::object{
      {"rank", rank},           {"ranks", ranks},   {"host", host},      {"clock_before", nullptr},
      {"clock_after", nullptr}, {"start", nullptr}, {"traffic", nullptr}};
  return {rank, host, run.exit_code, false, json::serialize(text)};
}

int code_of(const json::object& merged) {
  return merged.at("exit_code").to_number<int>();
}

TEST(MpiWhole, ARankThatEndedEarlyEndsTheWhole) {
  for (const int code : {143, 130, 5, 7}) {
    const std::vector<Part> parts{part(0, 2, {.served = 1}),
                                  part(1, 2, {.served = 1, .exit_code = code})};
    EXPECT_EQ(code_of(merge_parts({}, parts)), code);
  }
}

TEST(MpiWhole, AServerThatWasLostIsAFailureHoweverManyErrorsAreAllowed) {
  std::vector<Part> parts{part(0, 2, {.served = 9}), part(1, 2, {.served = 9})};
  EXPECT_EQ(code_of(merge_parts({}, parts)), echo::exit_pass);
  parts[1].lost_its_server = true;
  EXPECT_EQ(code_of(merge_parts({}, parts)), echo::exit_fail);
}

TEST(MpiWhole, ARankThatIsMissingIsNamedAndFails) {
  std::vector<Part> parts{part(0, 3, {.served = 100}), part(1, 3, {.served = 50}),
                          part(2, 3, {.served = 50})};
  parts[2].document.clear();
  Options whole;
  whole.json = "out.json";
  const boost::json::object merged = merge_parts(whole, parts);
  EXPECT_EQ(code_of(merged), echo::exit_fail);
  EXPECT_EQ(merged.at("warnings").at(0),
            "rank 2 (h2) is missing: its own document, if it wrote one, is out.2.json there: its "
            "connections are in no figure");
  EXPECT_EQ(merged.at("connections").at("served"), 150);
}

TEST(MpiWhole, ADocumentThatDidNotComeWholeIsMissing) {
  std::vector<Part> parts{part(0, 3, {.served = 100}), part(1, 3, {.served = 50}),
                          part(2, 3, {.served = 50})};
  parts[1].document.resize(parts[1].document.size() / 2);
  parts[2].document.assign(parts[2].document.size(), '\0');
  const boost::json::object merged = merge_parts({}, parts);
  EXPECT_EQ(code_of(merged), echo::exit_fail);
  EXPECT_EQ(merged.at("missing").as_array().size(), 2U);
  EXPECT_EQ(merged.at("connections").at("served"), 100);
}

TEST(MpiOwnFiles, HaveTheRankBeforeTheExtension) {
  struct Case {
    const char *path, *own;
  };
  for (const auto& [path, own] :
       {Case{"out.json", "out.2.json"}, Case{"a.b/out", "a.b/out.2"}, Case{"a/.out", "a/.out.2"},
        Case{"/tmp/x.tar.gz", "/tmp/x.tar.2.gz"}, Case{"-", ""}, Case{"", ""},
        Case{"/dev/null", ""}}) {
    EXPECT_EQ(own_path(path, 2), own) << path;
  }
}

TEST(MpiOwnFiles, AreTheDocumentAndTheSeriesOfARank) {
  Options options;
  options.share = {3, 4};
  options.json = "o.json";
  options.series = "s.jsonl";
  options.hgrm = "h.txt";
  const Options own = with_own_outputs(options);
  EXPECT_EQ(own.json, "o.3.json");
  EXPECT_EQ(own.series, "s.3.jsonl");
  EXPECT_EQ(own.hgrm, "");
  options.series = "-";
  EXPECT_THROW((void)with_own_outputs(options), echo::Exit);
}

}  // namespace
}  // namespace client::mpi
