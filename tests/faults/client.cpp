#include "tests/faults/client.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <numeric>

namespace faults {
namespace {

namespace json = boost::json;

std::uint64_t sum_of(const Buckets& buckets) {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& bucket) { return sum + bucket.second; });
}

void expect_accounts_to_balance(const Report& report) {
  EXPECT_EQ(report.document.at_pointer("/schema").as_string(), "echo-testbed/1");
  EXPECT_EQ(report.count("/exit_code"), static_cast<std::uint64_t>(report.code));
  EXPECT_EQ(report.count("/connections/requested"), report.served() + sum_of(report.failed()));
  Buckets by_cause;
  for (const auto& [failure, count] : report.failed_by_phase()) {
    by_cause[failure.substr(0, failure.find(' '))] += count;
  }
  EXPECT_EQ(by_cause, report.failed()) << "the list of errors and the buckets agree";
  EXPECT_LE(report.count("/connections/max_concurrent"), report.count("/connections/established"));
  EXPECT_EQ(report.count("/connections/open_at_end"), 0U);
}

}  // namespace

std::uint64_t Report::count(const std::string& pointer) const {
  boost::system::error_code error;
  const json::value* found = document.find_pointer(pointer, error);
  if (found == nullptr || !found->is_number()) {
    ADD_FAILURE() << "no figure at " << pointer << " in: " << out << err;
    return 0;
  }
  return found->to_number<std::uint64_t>();
}

Buckets Report::failed() const {
  Buckets buckets;
  for (const auto& [cause, count] : document.at_pointer("/connections/failed").as_object()) {
    buckets[cause] = count.to_number<std::uint64_t>();
  }
  return buckets;
}

Buckets Report::failed_by_phase() const {
  Buckets buckets;
  for (const json::value& error : document.at_pointer("/connections/errors").as_array()) {
    const json::object& entry = error.as_object();
    const std::string cause{entry.at("cause").as_string()};
    const std::string phase{entry.at("phase").as_string()};
    buckets[cause + " " + phase] += entry.at("count").to_number<std::uint64_t>();
  }
  return buckets;
}

bool Report::warns(const std::string& text) const {
  for (const json::value& warning : document.at_pointer("/warnings").as_array()) {
    if (std::string(warning.as_string()).find(text) != std::string::npos) return true;
  }
  return false;
}

Program start_client(const std::string& target, const Words& arguments,
                     const Program::Setup& setup) {
  Words words{target, "--json", "-"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return {"client", words, setup};
}

Report report_of(Program& client) {
  Report report{client.end(), {}};
  boost::system::error_code error;
  report.document = json::parse(report.out, error);
  if (error) {
    ADD_FAILURE() << "not one JSON document (exit " << report.code << "): " << report.out
                  << report.err;
    report.document = json::parse(
        R"({"schema": "", "connections": {"failed": {}, "errors": []}, "warnings": []})");
    return report;
  }
  expect_accounts_to_balance(report);
  return report;
}

Report run_client(const std::string& target, const Words& arguments, const Program::Setup& setup) {
  Program client = start_client(target, arguments, setup);
  return report_of(client);
}

}  // namespace faults
