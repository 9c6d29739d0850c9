// The exit code of a result: precedence 130/143, 5, 4, 1, and the causes of 1.
#include <gtest/gtest.h>

#include <csignal>

#include "client/findings/conclusion.hpp"

namespace client {
namespace {

struct Row {
  const char* what;
  StopReason stop_reason;
  int signal;
  std::uint64_t established;
  std::vector<Outcome> ended;
  int code;
};

const Row rows[] = {
    {"all served", StopReason::none, 0, 2, {Outcome::served, Outcome::served}, 0},
    {"one failed", StopReason::none, 0, 2, {Outcome::served, Outcome::mismatch}, 1},
    {"nothing listens", StopReason::none, 0, 0, {Outcome::refused}, 4},
    {"nothing answers",
     StopReason::none,
     0,
     0,
     {Outcome::connect_timeout, Outcome::not_attempted},
     4},
    {"no route", StopReason::none, 0, 0, {Outcome::unreachable}, 4},
    {"refused after another was established",
     StopReason::none,
     0,
     1,
     {Outcome::served, Outcome::refused},
     1},
    {"refused after another was established and failed",
     StopReason::none,
     0,
     1,
     {Outcome::timeout, Outcome::refused},
     1},
    {"a local limit before any was established", StopReason::none, 0, 0, {Outcome::local_limit}, 1},
    {"the server was lost", StopReason::server_lost, 0, 1, {Outcome::server_lost}, 1},
    {"the deadline, with failures",
     StopReason::deadline,
     0,
     1,
     {Outcome::mismatch, Outcome::deadline},
     5},
    {"the deadline, with nothing connected",
     StopReason::deadline,
     0,
     0,
     {Outcome::connect_timeout},
     5},
    {"Ctrl-C", StopReason::interrupted, SIGINT, 1, {Outcome::interrupted}, 130},
    {"SIGTERM", StopReason::interrupted, SIGTERM, 1, {Outcome::interrupted}, 143},
    {"Ctrl-C, with nothing connected", StopReason::interrupted, SIGINT, 0, {Outcome::refused}, 130},
    {"Ctrl-C when all were served", StopReason::interrupted, SIGINT, 1, {Outcome::served}, 130},
};

TEST(ExitCode, KeepsTheContractsPrecedence) {
  for (const Row& row : rows) {
    Result result;
    result.stop_reason = row.stop_reason;
    result.signal = row.signal;
    result.tally.established = row.established;
    for (const Outcome outcome : row.ended) result.tally.end({outcome, Phase::echo, 0});
    EXPECT_EQ(exit_code_of(result), row.code) << row.what;
  }
}

struct Verdicts {
  const char* what;
  std::uint64_t failed;
  std::uint64_t max_errors;
  std::uint64_t most;
  std::optional<std::uint64_t> required;
  std::vector<Verdict> objectives;
  StopReason stop_reason;
  int code;
};

const Verdicts verdicts[] = {
    {"as many failures as are allowed", 3, 3, 10, {}, {}, StopReason::none, 0},
    {"one more", 4, 3, 10, {}, {}, StopReason::none, 1},
    {"all failed, all are allowed to", 10, 10, 10, {}, {}, StopReason::none, 0},
    {"max conc as required", 0, 0, 10, 10, {}, StopReason::none, 0},
    {"one fewer", 0, 0, 9, 10, {}, StopReason::none, 1},
    {"no max conc is required", 0, 0, 0, {}, {}, StopReason::none, 0},
    {"max conc as required, too many failures", 1, 0, 10, 10, {}, StopReason::none, 1},
    {"objectives held", 0, 0, 10, {}, {Verdict::held, Verdict::held}, StopReason::none, 0},
    {"one missed", 0, 0, 10, {}, {Verdict::held, Verdict::missed}, StopReason::none, 1},
    {"one unproven is not held",
     0,
     0,
     10,
     {},
     {Verdict::unproven, Verdict::held},
     StopReason::none,
     1},
    {"a lost server, all failures allowed", 10, 10, 10, {}, {}, StopReason::server_lost, 1},
    {"the deadline, all failures allowed", 10, 10, 10, {}, {}, StopReason::deadline, 5},
    {"the deadline, with a missed objective",
     0,
     0,
     9,
     10,
     {Verdict::missed},
     StopReason::deadline,
     5},
};

TEST(ExitCode, FollowsTheRequestedVerdicts) {
  for (const Verdicts& row : verdicts) {
    Result result;
    result.stop_reason = row.stop_reason;
    result.options.max_errors = row.max_errors;
    result.options.require_conc = row.required;
    result.max_concurrent = row.most;
    result.tally.established = 10;
    for (std::uint64_t i = 0; i < 10; ++i) {
      result.tally.end({i < row.failed ? Outcome::mismatch : Outcome::served, Phase::echo, 0});
    }
    for (const Verdict verdict : row.objectives) result.judgements.push_back({{}, verdict, {}, {}});
    EXPECT_EQ(exit_code_of(result), row.code) << row.what;
  }
}

// All refused is a network error even if --max-errors allows as many failures: nothing was tested.
TEST(ExitCode, IsFourWhenNothingConnectsWhateverMaxErrorsAllows) {
  Result result;
  result.options.max_errors = 10;
  for (int i = 0; i < 3; ++i) result.tally.end({Outcome::refused, Phase::connect, 0});
  EXPECT_EQ(exit_code_of(result), 4);
}

}  // namespace
}  // namespace client
