// Pass and fail as the options define it: --max-errors, --require-conc, --slo.
#include <gtest/gtest.h>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

struct VerdictRow {
  const char* name;
  Words arguments;
  int code;
};

const VerdictRow verdict_rows[] = {
    {"OneErrorIsOneTooMany", {}, 1},
    {"OneErrorIsAllowed", {"--max-errors", "1"}, 0},
    {"TheRequiredNumberStood", {"--max-errors", "1", "--require-conc", "5"}, 0},
    {"OneMoreIsRequired", {"--max-errors", "1", "--require-conc", "6"}, 1},
    {"TheObjectiveIsHeld", {"--max-errors", "1", "-m", "30", "--slo", "p50<1h"}, 0},
    {"WithoutAnAnswerTheMaximumIsUnproven", {"--max-errors", "1", "--slo", "max<1h"}, 1},
    {"TheObjectiveIsMissed", {"--max-errors", "1", "--slo", "max<1ns"}, 1},
    {"TheObjectiveIsUnproven", {"--max-errors", "1", "--slo", "p99.9<1h"}, 1},
};

std::ostream& operator<<(std::ostream& out, const VerdictRow& row) {
  return out << row.name;
}

class Verdict : public ::testing::TestWithParam<VerdictRow> {};

TEST_P(Verdict, IsTheOneRequested) {
  Liar server{[](Peer& peer) {
    if (peer.index != 4) return honest(peer);
    peer.receive(size);  // one of five: closed before any byte of its echo
  }};
  Words arguments{"-n", "5"};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  const Report report = run_client(server.target(), arguments);
  EXPECT_EQ(report.code, GetParam().code) << report.out;
  EXPECT_EQ(report.document.at("status").as_string(), GetParam().code == 0 ? "pass" : "fail");
  EXPECT_EQ(report.served(), 4U) << "whatever the verdict, the count is the same";
  EXPECT_EQ(report.failed(), (Buckets{{"closed_early", 1}}));
}

INSTANTIATE_TEST_SUITE_P(Of, Verdict, ::testing::ValuesIn(verdict_rows),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace faults
