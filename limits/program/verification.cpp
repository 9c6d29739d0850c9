#include "limits/program/verification.hpp"
#include "echo/output/text_table.hpp"

#include <cstddef>
#include <string_view>

#include "limits/proc_text.hpp"
#include "limits/program/present.hpp"
#include "limits/quantity.hpp"

namespace limits {
namespace {

/// The columns of the table that hold figures: predicted, reached.
constexpr std::size_t first_figure = 1;
constexpr std::size_t second_figure = 2;

std::string verdict_of(const Finding& finding) {
  if (!finding.verified) return "not verified";
  return finding.agrees() ? "ok" : "differs";
}

std::vector<std::string> row_of(const Verification& one) {
  const Finding& found = one.finding;
  return {one.name,
          format_count(found.predicted),
          format_count(found.reached),
          std::string(found.error.view()),
          verdict_of(found),
          printable(std::string(found.confined.view()))};
}

std::string headline(const std::vector<Verification>& verifications) {
  std::size_t reached_ones = 0;
  std::size_t agreeing = 0;
  for (const Verification& one : verifications) {
    if (!one.finding.verified) continue;
    ++reached_ones;
    if (one.finding.agrees()) ++agreeing;
  }
  return std::to_string(agreeing) + " of " + std::to_string(reached_ones) +
         " limits that were reached are where the preflight says, within 2 %; " +
         std::to_string(verifications.size() - reached_ones) + " were not reached\n";
}

std::string json_text_or_null(bool known, std::string_view text) {
  return known && text != "-" && !text.empty() ? json_string(std::string(text)) : "null";
}

std::string json_row(const Verification& one) {
  const Finding& found = one.finding;
  const auto number = [&](std::uint64_t value) {
    return found.verified ? std::to_string(value) : std::string("null");
  };
  return "{\"name\": " + json_string(one.name) +
         ", \"verdict\": " + json_string(verdict_of(found)) +
         ", \"predicted\": " + number(found.predicted) + ", \"reached\": " + number(found.reached) +
         ", \"error\": " + json_text_or_null(found.verified, found.error.view()) +
         ", \"confined_to\": " + json_text_or_null(found.verified, found.confined.view()) +
         ", \"reason\": " + json_text_or_null(!found.verified, found.reason.view()) + "}";
}

}  // namespace

std::string as_table(const std::vector<Verification>& verifications) {
  echo::TextRows rows{{"limit", "predicted", "reached", "error", "verdict", "confined to"}};
  std::string others;
  for (const Verification& one : verifications) {
    if (one.finding.verified) {
      rows.push_back(row_of(one));
    } else {
      others += "not verified: " + one.name + ": " +
                printable(std::string(one.finding.reason.view())) + "\n";
    }
  }
  return headline(verifications) + "\n" + echo::aligned(rows, first_figure, second_figure) + "\n" +
         others;
}

std::string as_json(const std::vector<Verification>& verifications) {
  std::string text = "{\"schema\": \"echo-testbed/1\", \"program\": \"limits\",\n \"verified\": [";
  std::string_view before = "\n  ";
  for (const Verification& one : verifications) {
    text.append(before).append(json_row(one));
    before = ",\n  ";
  }
  return text + "]}\n";
}

}  // namespace limits
