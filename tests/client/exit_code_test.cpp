// The exit code of a result: 130/143 before 5 before 4 before 1.
#include <gtest/gtest.h>

#include <csignal>

#include "client/load.hpp"

namespace client {
namespace {

struct Row {
  const char* what;
  Cut cut;
  int signal;
  std::uint64_t established;
  std::vector<Outcome> ended;
  int code;
};

const Row rows[] = {
    {"all served", Cut::none, 0, 2, {Outcome::served, Outcome::served}, 0},
    {"one failed", Cut::none, 0, 2, {Outcome::served, Outcome::mismatch}, 1},
    {"nothing listens", Cut::none, 0, 0, {Outcome::refused}, 4},
    {"nobody answers", Cut::none, 0, 0, {Outcome::connect_timeout, Outcome::not_attempted}, 4},
    {"no way there", Cut::none, 0, 0, {Outcome::unreachable}, 4},
    {"refused, after others stood", Cut::none, 0, 1, {Outcome::served, Outcome::refused}, 1},
    {"refused, after others stood and failed",
     Cut::none,
     0,
     1,
     {Outcome::timeout, Outcome::refused},
     1},
    {"this machine ran out before any stood", Cut::none, 0, 0, {Outcome::local_limit}, 1},
    {"the server was lost", Cut::server_lost, 0, 1, {Outcome::server_lost}, 1},
    {"the deadline, with failures", Cut::deadline, 0, 1, {Outcome::mismatch, Outcome::deadline}, 5},
    {"the deadline, with nothing connected", Cut::deadline, 0, 0, {Outcome::connect_timeout}, 5},
    {"Ctrl-C", Cut::interrupted, SIGINT, 1, {Outcome::interrupted}, 130},
    {"SIGTERM", Cut::interrupted, SIGTERM, 1, {Outcome::interrupted}, 143},
    {"Ctrl-C, with nothing connected", Cut::interrupted, SIGINT, 0, {Outcome::refused}, 130},
    {"Ctrl-C when all were served", Cut::interrupted, SIGINT, 1, {Outcome::served}, 130},
};

TEST(ExitCode, KeepsTheContractsPrecedence) {
  for (const Row& row : rows) {
    Result result;
    result.cut = row.cut;
    result.signal = row.signal;
    result.tally.established = row.established;
    for (const Outcome outcome : row.ended) result.tally.end({outcome, Phase::echo, 0});
    EXPECT_EQ(exit_code_of(result), row.code) << row.what;
  }
}

}  // namespace
}  // namespace client
