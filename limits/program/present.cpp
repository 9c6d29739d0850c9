// The table and the JSON document of the `limits` program; see present.hpp.
#include "limits/program/present.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "limits/proc_text.hpp"
#include "limits/quantity.hpp"

namespace limits {
namespace {

enum Column { name, have, need, verdict, bites_at, source, lift, columns };
using Line = std::array<std::string, columns>;

std::string amount(const Verdict& row, std::uint64_t value) {
  return row.bytes ? format_bytes(value) : format_count(value);
}

Line line_of(const Verdict& row) {
  const bool unknown = row.status == Status::unknown;
  Line line;
  line[name] = row.name;
  line[have] = row.have ? amount(row, *row.have) : unknown ? "-" : "unlimited";
  line[need] = amount(row, row.need);
  line[verdict] = status_name(row.status);
  line[bites_at] = row.bites_at ? format_count(*row.bites_at) : unknown ? "-" : "never";
  line[source] = printable(row.source);  // the path of a cgroup may hold any byte
  line[lift] = row.lift.empty() && row.status == Status::short_ ? "nothing lifts it" : row.lift;
  return line;
}

std::string text_of(const Line& line, const std::array<std::size_t, columns>& widths) {
  std::string text;
  for (std::size_t column = 0; column < columns; ++column) {
    const std::string blanks(widths[column] - std::min(widths[column], line[column].size()), ' ');
    const bool figure = column == have || column == need || column == bites_at;
    text += (column == 0 ? "" : "  ") + (figure ? blanks + line[column] : line[column] + blanks);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

/// The row of the limit that is reached first (rows are sorted); nullptr if none ever is.
const Verdict* bites_first(const std::vector<Verdict>& verdicts) {
  return !verdicts.empty() && verdicts.front().bites_at ? &verdicts.front() : nullptr;
}

std::string headline(const Question& question, const std::vector<Verdict>& verdicts) {
  std::string text = first_refusal(verdicts) == nullptr ? "enough for " : "not enough for ";
  text += format_count(question.connections);
  text += question.connections == 1 ? " connection: " : " connections: ";
  const Verdict* first = bites_first(verdicts);
  if (first == nullptr) return text + "no known limit bites\n";
  return text + "the first limit bites at " + format_count(*first->bites_at) + ": " + first->name +
         ", " + printable(first->source) + "\n";
}

std::string json_number(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "null";
}

std::string json_text_or_null(const std::string& text) {
  return text.empty() ? "null" : json_string(text);
}

std::string json_row(const Verdict& row) {
  return "{\"name\": " + json_string(row.name) + ", \"source\": " + json_string(row.source) +
         ", \"have\": " + json_number(row.have) + ", \"need\": " + json_number(row.need) +
         ", \"status\": " + json_string(std::string(status_name(row.status))) +
         ", \"bites_at\": " + json_number(row.bites_at) +
         ", \"lift\": " + json_text_or_null(row.lift) +
         ", \"symptom\": " + json_text_or_null(row.symptom) +
         ", \"who\": " + json_text_or_null(row.who) + "}";
}

/// What shows at each of these limits, and who may lift it.
std::string explanations(const std::vector<Verdict>& verdicts, Explain which) {
  std::string text;
  for (const Verdict& row : verdicts) {
    const bool is_low = row.status == Status::short_ || row.status == Status::warn;
    if ((which == Explain::low && !is_low) || row.symptom.empty()) continue;
    text += "\n" + row.name + "\n  shows as: " + row.symptom + "\n  lifted by: " + row.who + "\n";
  }
  return text;
}

}  // namespace

std::string as_table(const Question& question, const std::vector<Verdict>& verdicts,
                     Explain which) {
  std::vector<Line> lines{{"limit", "have", "need", "verdict", "bites at", "read from", "lift"}};
  for (const Verdict& row : verdicts) lines.push_back(line_of(row));
  std::array<std::size_t, columns> widths{};
  for (const Line& line : lines) {
    // A long path does not move the commands aside: it counts only where a command follows it.
    const std::size_t counted = line[lift].empty() ? source : columns;
    for (std::size_t column = 0; column < counted; ++column) {
      widths[column] = std::max(widths[column], line[column].size());
    }
  }
  const bool nothing_to_lift = std::all_of(lines.begin() + 1, lines.end(),
                                           [](const Line& line) { return line[lift].empty(); });
  if (nothing_to_lift) lines.front()[lift].clear();

  std::string text = headline(question, verdicts) + printable(question.who) + "\n\n";
  for (const Line& line : lines) text += text_of(line, widths);
  return text + explanations(verdicts, which);
}

std::string as_json(const Question& question, const std::vector<Verdict>& verdicts,
                    const std::string& forecast) {
  std::string text = "{\"schema\": \"echo-testbed/1\", \"program\": \"limits\",\n";
  text += " \"connections\": " + std::to_string(question.connections) +
          ", \"model\": " + json_string(question.model) + ",\n \"bites_first\": ";
  if (const Verdict* first = bites_first(verdicts)) {
    text += "{\"name\": " + json_string(first->name) + ", \"at\": " + json_number(first->bites_at) +
            "}";
  } else {
    text += "null";
  }
  text += ",\n \"limits\": [";
  std::string_view before = "\n  ";
  for (const Verdict& row : verdicts) {
    text.append(before).append(json_row(row));
    before = ",\n  ";
  }
  return text + "],\n \"forecast\": " + forecast + "}\n";
}

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : valid_utf8(text)) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      quoted += escaped.data();
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace limits
