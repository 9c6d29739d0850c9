// `client merge` against documents that are truncated, edited or made by another program: one line
// that names file and field, or a right result, and nothing else.
#include "client/report/validate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "client/report/merge.hpp"
#include "client/report/present.hpp"
#include "echo/exit_code.hpp"
#include "tests/client/results.hpp"

namespace client {
namespace {

namespace json = boost::json;

/// What the client wrote of a run in which everything happened: an open loop with a warm-up, two
/// causes of failure, a wrong byte, an objective and a label.
json::value written() {
  Result result = fixtures::streamed();
  result.requested = 9;
  result.tally.established = result.tally.total = 9;
  for (int i = 0; i < 3; ++i) result.tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  for (int i = 0; i < 2; ++i) result.tally.end({Outcome::foreign, Phase::echo, 0});
  result.tally.first_mismatch =
      FirstMismatch{7, 1, {33, std::byte{0x0f}, std::byte{0xf0}, echo::MessageId{8, 2}}};
  result.tally.ramp.emplace();
  fixtures::record(result.tally.warm_up->latency, 1'999, std::chrono::microseconds{50});
  result.tally.warm_up->sent = 1'999;
  result.options.slo = Objective::parse("p99<5ms");
  result.arguments = {"-n", "9"};
  result.options.labels = {{"host", "a"}};
  const Result whole = fixtures::concluded(result);
  return json::parse(json::serialize(json_of(whole, whole.exit_code)));
}

/// The same run, as the only rank of a fleet.
json::value written_by_a_rank() {
  json::value document = written();
  const json::object clock{{"offset_ns", -5}, {"bound_ns", 20}, {"at_ns", 1000}};
  const json::object moment{{"due_ns", 100}, {"begun_ns", 150}};
  document.as_object()["rank"] = json::object{{"rank", 0},
                                              {"ranks", 1},
                                              {"host", "h0"},
                                              {"clock_before", clock},
                                              {"clock_after", clock},
                                              {"start", moment},
                                              {"traffic", moment}};
  document.at_pointer("/cpu").as_object()["client_ns_per_echo"] = 5'000;
  document.at_pointer("/cpu").as_object()["client_busiest_thread"] = 0.5;
  document.at_pointer("/memory/client").as_object()["rss"] = 4'000'000;
  return document;
}

/// The error line of merging `documents`; "" if they were merged. `text`: the report.
std::string refusal(const std::vector<json::value>& documents, std::string* text = nullptr) {
  std::vector<RunDocument> runs;
  try {
    for (std::size_t i = 0; i < documents.size(); ++i)
      runs.emplace_back(std::string(1, static_cast<char>('a' + i)), documents[i]);
    const std::string report = text_of_merge(merge(runs));
    if (text != nullptr) *text = report;
  } catch (const echo::Exit& error) {
    EXPECT_EQ(error.code(), echo::exit_usage) << error.what();
    return error.what();
  }
  return "";
}

json::value changed(json::value document, const std::string& pointer, json::value to) {
  document.at_pointer(pointer) = std::move(to);
  return document;
}

TEST(Validate, AcceptsWhatTheClientWrites) {
  EXPECT_EQ(refusal({written()}), "");
  EXPECT_EQ(refusal({written(), changed(written(), "/environment/time", "2030-01-02T03:04:05Z")}),
            "");
}

// Bug: such documents were merged, and the report contradicted itself.
TEST(Validate, RefusesCountsThatDoNotAddUp) {
  struct Case {
    const char* pointer;
    json::value to;
    const char* line;
  };
  const Case cases[] = {
      {"/connections/requested", 10, "a, /connections: requested 10 is not served 4 + failed 5"},
      {"/connections/served", 5, "a, /connections: requested 9 is not served 5 + failed 5"},
      {"/connections/failed/reset", 4, "a, /connections: requested 9 is not served 4 + failed 6"},
      {"/connections/failed/reset", 18'446'744'073'709'551'614U,
       "a, /connections/failed: out of range: the sum exceeds 64 bits"},
      {"/connections/errors/0/count", 2, "a, /connections/errors: 1 of reset are missing"},
      {"/connections/errors/0/count", 4,
       "a, /connections/errors/0: more than /connections/failed has of this cause"},
      {"/connections/errors/0/cause", "refused",
       "a, /connections/errors/0: more than /connections/failed has of this cause"},
      {"/connections/established", 3, "a, /connections/served: above /connections/established"},
      {"/connections/max_concurrent", 1'000,
       "a, /connections/max_concurrent: above "
       "/connections/established"},
      {"/echoes/verified", 1'000'000, "a, /echoes/verified: above /echoes/sent"},
      {"/latency/censored", 9, "a, /latency/censored: not that of /latency/echo, 10"},
      {"/exit_code", 18'446'744'073'709'551'615U,
       "a, /exit_code: 18446744073709551615 is no exit code of the client"},
      {"/exit_code", 0, "a, /status: \"fail\", but exit_code is 0"},
      {"/objectives/0/text", "p99<5parsecs",
       "a, /objectives/0/text: \"p99<5parsecs\" is not an "
       "objective: p99<5ms"},
      {"/throughput/echoes_per_s", 1e308, "a, /throughput/echoes_per_s: not a rate"},
  };
  for (const Case& each : cases) {
    const std::string line = refusal({changed(written(), each.pointer, each.to)});
    EXPECT_TRUE(line.starts_with(each.line)) << line;
  }
}

TEST(Validate, RefusesSumsBeyondSixtyFourBits) {
  const json::value large =
      changed(written(), "/phases/measured/bytes_within", 10'000'000'000'000'000'000U);
  const json::value other = changed(large, "/environment/time", "2030-01-02T03:04:05Z");
  EXPECT_EQ(refusal({large, other}),
            "b, /phases/measured/bytes_within: out of range: the sum exceeds 64 bits");
}

/// Calls `visit` with the path of each value of `value`: of each key and of each list's first
/// entry.
void for_each_path(const json::value& value, const std::string& here,
                   const std::function<void(const std::string&)>& visit) {
  if (!here.empty()) visit(here);
  if (value.is_object()) {
    for (const auto& [key, inner] : value.as_object())
      for_each_path(inner, here + "/" + std::string(key), visit);
  } else if (value.is_array() && !value.as_array().empty()) {
    for_each_path(value.as_array().front(), here + "/0", visit);
  }
}

json::value without(json::value document, const std::string& pointer) {
  const std::size_t slash = pointer.rfind('/');
  const std::string key = pointer.substr(slash + 1);
  json::value& parent =
      slash == 0 ? document : document.at_pointer(std::string_view(pointer).substr(0, slash));
  if (parent.is_object()) {
    parent.as_object().erase(key);
  } else {
    parent.as_array().erase(parent.as_array().begin());
  }
  return document;
}

// Bug: a missing `requested` was merged as 0, and a count beyond 64 bits ended with exit 7 and the
// path of a library's source.
/// Of the fields of `document` below one of `places`: "" is all of it. Returns how many were tried,
/// and refused.
std::pair<std::size_t, std::size_t> spoil(const json::value& document,
                                          const std::vector<std::string>& places) {
  // A sanitizer makes each attempt ten times slower: every seventh is tried there, which over the
  // paths is each of the ten kinds.
#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
  constexpr std::size_t stride = 7;
#else
  constexpr std::size_t stride = 1;
#endif
  std::size_t next = 0;
  std::size_t tried = 0;
  std::size_t refused = 0;
  for_each_path(document, "", [&](const std::string& pointer) {
    const auto holds = [&](const std::string& place) { return pointer.starts_with(place); };
    if (std::none_of(places.begin(), places.end(), holds)) return;
    const json::value was = document.at_pointer(pointer);
    std::vector<json::value> mutants{without(document, pointer)};
    for (const json::value& to :
         {json::value(nullptr), json::value("\x1b[2J\n"), json::value(-1), json::value(1.5),
          json::value(18'446'744'073'709'551'615U), json::value(1e308), json::value(true),
          json::value(json::array{json::array{was}}), json::value(json::object{{"x", was}})}) {
      mutants.push_back(changed(document, pointer, to));
    }
    for (const json::value& mutant : mutants) {
      if (next++ % stride != 0) continue;
      ++tried;
      std::string text;
      std::string line;
      ASSERT_NO_THROW(line = refusal({mutant}, &text)) << pointer << "\n"
                                                       << json::serialize(mutant);
      EXPECT_EQ(text.find('\x1b'), std::string::npos) << pointer;
      if (line.empty()) {
        EXPECT_NE(text.find("requested  9: established 9, served 4, failed 5\n"), std::string::npos)
            << pointer << "\n"
            << text;
      } else {
        ++refused;
        EXPECT_TRUE(line.starts_with("a, /") || line.starts_with("a: ")) << line;
      }
    }
  });
  return {tried * stride, refused * stride};
}

TEST(Validate, AnyFieldDeletedRetypedOrEnlargedGivesOneLineOrARightResult) {
  const auto [tried, refused] = spoil(written(), {""});
  EXPECT_GT(tried, 1'000U);
  EXPECT_GT(refused, 400U);
}

// Bug: a time beyond 63 bits ended with exit 7 and the path of a library's source.
TEST(Validate, AnyFieldOfARankDeletedRetypedOrEnlargedGivesOneLineOrARightResult) {
  const auto [tried, refused] = spoil(written_by_a_rank(), {"/rank", "/cpu", "/memory", "/echoes"});
  EXPECT_GT(tried, 400U);
  EXPECT_GT(refused, 150U);
}

TEST(Validate, EveryCountOfTheConnectionsIsNeeded) {
  for (const char* name : {"requested", "established", "served", "max_concurrent", "total",
                           "open_at_end", "slow", "failed", "errors"}) {
    const std::string pointer = std::string("/connections/") + name;
    const std::string line = refusal({without(written(), pointer)});
    EXPECT_TRUE(line.starts_with("a, " + pointer + ": not ")) << line;
  }
}

// Bug: a document's ESC sequences reached the terminal, and a newline in it forged a line.
TEST(Validate, TextsOfADocumentCannotControlTheTerminal) {
  json::value document = changed(written(), "/target", "\x1b]0;owned\x07\nPASS: 9 of 9 served");
  document.at("warnings").as_array().emplace_back("\x1b[31mred\xc2\x9b");
  std::string text;
  EXPECT_EQ(refusal({document}, &text), "");
  EXPECT_NE(text.find("runs against \\x1b]0;owned\\x07\\x0aPASS: 9 of 9 served\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("a: \\x1b[31mred\\u009b\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("\nPASS"), std::string::npos) << text;
}

}  // namespace
}  // namespace client
