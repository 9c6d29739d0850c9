// The complete table and document of `limits --verify`.
#include "limits/program/verification.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace limits {
namespace {

std::vector<Verification> verifications() {
  Finding files;
  files.verified = true;
  files.predicted = files.reached = 1'994;
  files.confined = ShortText<64>("RLIMIT_NOFILE 2000");
  files.error = ShortText<64>("EMFILE");
  Finding ports = files;
  ports.predicted = 200;
  ports.reached = 100;
  ports.confined = ports.error = ShortText<64>("-");
  return {{"open files", files}, {"local ports", ports}, {"memory", not_verified("it ends all")}};
}

TEST(Verifications, AreATableAndTheReasonsOfTheOthers) {
  EXPECT_EQ(as_table(verifications()),
            "1 of 2 limits that were reached are where the preflight says, within 2 %; 1 were not "
            "reached\n"
            "\n"
            "limit        predicted  reached  error   verdict  confined to\n"
            "open files       1,994    1,994  EMFILE  ok       RLIMIT_NOFILE 2000\n"
            "local ports        200      100  -       differs  -\n"
            "\n"
            "not verified: memory: it ends all\n");
}

TEST(Verifications, AreADocumentWithNullForWhatIsNotKnown) {
  EXPECT_EQ(as_json(verifications()), R"({"schema": "echo-testbed/1", "program": "limits",
 "verified": [
  {"name": "open files", "verdict": "ok", "predicted": 1994, "reached": 1994, "error": "EMFILE", "confined_to": "RLIMIT_NOFILE 2000", "reason": null},
  {"name": "local ports", "verdict": "differs", "predicted": 200, "reached": 100, "error": null, "confined_to": null, "reason": null},
  {"name": "memory", "verdict": "not verified", "predicted": null, "reached": null, "error": null, "confined_to": null, "reason": "it ends all"}]}
)");
}

}  // namespace
}  // namespace limits
