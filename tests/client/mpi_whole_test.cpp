// The report of all ranks of client-mpi: judged on all of them, and complete or not. No MPI here.
#include "client/mpi/whole.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "client/mpi/own_files.hpp"
#include "echo/exit_code.hpp"
#include "tests/client/run_by_hand.hpp"

namespace client::mpi {
namespace {

std::string text_of(const Measured& run, const std::string& name) {
  return boost::json::serialize(document(name, run).whole());
}

Part part(std::uint32_t rank, const Measured& run) {
  const std::string host = "h" + std::to_string(rank);
  return {rank, host, run.exit_code, false, text_of(run, host)};
}

int code_of(const boost::json::object& merged) {
  return merged.at("exit_code").to_number<int>();
}

TEST(MpiWhole, ErrorsAreJudgedOnAllRanksTogether) {
  const std::vector<Part> parts{part(0, {.served = 90, .reset = 10, .exit_code = 1}),
                                part(1, {.served = 95, .reset = 5, .exit_code = 0})};
  Options whole;
  whole.max_errors = 15;
  EXPECT_EQ(code_of(merge_parts(whole, parts)), echo::exit_pass);
  whole.max_errors = 14;
  const boost::json::object failed = merge_parts(whole, parts);
  EXPECT_EQ(code_of(failed), echo::exit_fail);
  EXPECT_EQ(failed.at("status"), "fail");
}

TEST(MpiWhole, ConcurrencyIsTheSum) {
  const std::vector<Part> parts{part(0, {.served = 100}), part(1, {.served = 50})};
  Options whole;
  whole.require_conc = 150;
  EXPECT_EQ(code_of(merge_parts(whole, parts)), echo::exit_pass);
  whole.require_conc = 151;
  EXPECT_EQ(code_of(merge_parts(whole, parts)), echo::exit_fail);
}

TEST(MpiWhole, ARankThatEndedEarlyEndsTheWhole) {
  for (const int code : {143, 130, 5, 7}) {
    const std::vector<Part> parts{part(0, {.served = 1}),
                                  part(1, {.served = 1, .exit_code = code})};
    EXPECT_EQ(code_of(merge_parts({}, parts)), code);
  }
}

TEST(MpiWhole, AServerThatOnlySomeRanksFoundIsAFailure) {
  std::vector<Part> parts{part(0, {.served = 9}), part(1, {.reset = 9, .exit_code = 4})};
  EXPECT_EQ(code_of(merge_parts({}, parts)), echo::exit_fail);
}

TEST(MpiWhole, AServerThatWasLostIsAFailureHoweverManyErrorsAreAllowed) {
  std::vector<Part> parts{part(0, {.served = 9}), part(1, {.served = 9})};
  Options whole;
  whole.max_errors = 1000;
  EXPECT_EQ(code_of(merge_parts(whole, parts)), echo::exit_pass);
  parts[1].lost_its_server = true;
  EXPECT_EQ(code_of(merge_parts(whole, parts)), echo::exit_fail);
}

TEST(MpiWhole, ARankThatIsMissingIsNamedAndFails) {
  std::vector<Part> parts{part(0, {.served = 100}), part(1, {.served = 50}),
                          part(2, {.served = 50})};
  parts[2].document.clear();
  Options whole;
  whole.json = "out.json";
  const boost::json::object merged = merge_parts(whole, parts);
  EXPECT_EQ(code_of(merged), echo::exit_fail);
  EXPECT_EQ(merged.at("warnings").at(0),
            "rank 2 on h2 is missing: its own document, if it wrote one, is out.2.json there");
  EXPECT_EQ(merged.at("connections").at("served"), 150);
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
