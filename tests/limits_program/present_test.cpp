// The complete table and document of the `limits` program.
#include "limits/program/present.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace limits {
namespace {

const Question asked_of_callbacks{10'000, "callbacks", "asked: a server, callbacks"};

std::vector<Verdict> rows_of_callbacks() {
  return {{"open files", "RLIMIT_NOFILE, hard", 9'000, 10'016, Status::short_, 8'985,
           "ulimit -n 10016 in a new shell"},
          {"memory", "/proc/meminfo MemAvailable", 23'000'000'000, 57'000'000, Status::ok,
           4'035'088, "", true},
          {"address space", "RLIMIT_AS, soft", std::nullopt, 84'000'000, Status::ok, std::nullopt,
           "", true},
          {"process ids", "/proc/sys/kernel/pid_max", std::nullopt, 2, Status::unknown,
           std::nullopt, ""}};
}

TEST(Table, HasAHeadlineAndOneRowPerLimit) {
  EXPECT_EQ(
      as_table(asked_of_callbacks, rows_of_callbacks()),
      "not enough for 10,000 connections: the first limit bites at 8,985: open files, "
      "RLIMIT_NOFILE, hard\n"
      "asked: a server, callbacks\n"
      "\n"
      "limit               have      need  verdict   bites at  read from            lift\n"
      "open files         9,000    10,016  short        8,985  RLIMIT_NOFILE, hard  ulimit -n "
      "10016 in a new shell\n"
      "memory          21.4 GiB  54.4 MiB  ok       4,035,088  /proc/meminfo MemAvailable\n"
      "address space  unlimited  80.1 MiB  ok           never  RLIMIT_AS, soft\n"
      "process ids            -         2  unknown          -  /proc/sys/kernel/pid_max\n");
}

TEST(Table, ReportsEnoughWhenAllSuffice) {
  auto rows = rows_of_callbacks();
  rows.erase(rows.begin());
  EXPECT_EQ(
      as_table(asked_of_callbacks, rows).substr(0, 89),
      "enough for 10,000 connections: the first limit bites at 4,035,088: memory, /proc/meminfo ");
  EXPECT_EQ(as_table(asked_of_callbacks, rows).find("lift"), std::string::npos);
}

TEST(Table, ReportsThatNothingLiftsALimit) {
  auto rows = rows_of_callbacks();
  rows.front().lift.clear();
  EXPECT_NE(as_table(asked_of_callbacks, rows).find("nothing lifts it"), std::string::npos);
}

TEST(Table, ExplainsTheLimitsThatAreTooLowOrAllOfThem) {
  auto rows = rows_of_callbacks();
  rows[0].symptom = "EMFILE from accept(2)";
  rows[0].who = "any user";
  rows[1].symptom = "the OOM killer";
  rows[1].who = "nobody";
  const std::string low = as_table(asked_of_callbacks, rows);
  EXPECT_TRUE(
      low.ends_with("\n\nopen files\n  shows as: EMFILE from accept(2)\n  lifted by: any user\n"))
      << low;
  EXPECT_EQ(as_table(asked_of_callbacks, rows, Explain::all),
            low + "\nmemory\n  shows as: the OOM killer\n  lifted by: nobody\n");
}

TEST(Document, IsTheContractWithNullWhereNothingIsKnown) {
  auto rows = rows_of_callbacks();
  rows.erase(rows.begin() + 1);
  rows.front().symptom = "EMFILE";
  EXPECT_EQ(as_json(asked_of_callbacks, rows, "{}"),
            R"({"schema": "echo-testbed/1", "program": "limits",
 "connections": 10000, "model": "callbacks",
 "bites_first": {"name": "open files", "at": 8985},
 "limits": [
  {"name": "open files", "source": "RLIMIT_NOFILE, hard", "have": 9000, "need": 10016, "status": "short", "bites_at": 8985, "lift": "ulimit -n 10016 in a new shell", "symptom": "EMFILE", "who": null},
  {"name": "address space", "source": "RLIMIT_AS, soft", "have": null, "need": 84000000, "status": "ok", "bites_at": null, "lift": null, "symptom": null, "who": null},
  {"name": "process ids", "source": "/proc/sys/kernel/pid_max", "have": null, "need": 2, "status": "unknown", "bites_at": null, "lift": null, "symptom": null, "who": null}],
 "forecast": {}}
)");
  rows.erase(rows.begin());
  EXPECT_NE(as_json(asked_of_callbacks, rows, "{}").find("\"bites_first\": null"),
            std::string::npos);
}

TEST(Document, EscapesWhatJsonCannotHold) {
  EXPECT_EQ(json_string("a\"b\\c\n\x01\x1f/\xc3\xa9"),
            "\"a\\\"b\\\\c\\u000a\\u0001\\u001f/\xc3\xa9\"");
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("\xff"), "\"\xef\xbf\xbd\"") << "no UTF-8";
}

}  // namespace
}  // namespace limits
