#include "client/report/run_document.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <limits>
#include <stdexcept>
#include <utility>

#include "client/options/input_file.hpp"
#include "echo/exit_code.hpp"
#include "echo/report.hpp"

namespace client {
namespace {

namespace json = boost::json;

/// A whole number of 0 or more, else nullopt. Parsed numbers are signed, those set by code are not.
std::optional<std::uint64_t> whole_number(const json::value& value) {
  boost::system::error_code failed;
  const auto number = value.to_number<std::uint64_t>(failed);
  return failed || value.is_double() ? std::nullopt : std::optional(number);
}

}  // namespace

RunDocument::RunDocument(std::string name, json::value document)
    : name_(std::move(name)), document_(std::move(document)) {
  const json::value* schema =
      document_.is_object() ? document_.as_object().if_contains("schema") : nullptr;
  if (schema == nullptr) refuse("", "not a report of this testbed");
  if (*schema != json::value(echo::schema_name)) {
    refuse("/schema", "not " + std::string(echo::schema_name) + ": another version wrote it");
  }
  if (at("/program") != "client") refuse("/program", "not a report of the client");
}

void RunDocument::refuse(std::string_view pointer, std::string_view what) const {
  throw echo::Exit(echo::exit_usage, name_ + (pointer.empty() ? "" : ", ") + std::string(pointer) +
                                         ": " + std::string(what));
}

const json::value& RunDocument::at(std::string_view pointer) const {
  static const json::value absent = nullptr;
  boost::system::error_code failed;
  const json::value* found = document_.find_pointer(pointer, failed);
  return found == nullptr ? absent : *found;
}

std::uint64_t RunDocument::count(std::string_view pointer) const {
  const auto number = whole_number(at(pointer));
  if (!number) refuse(pointer, "not a count");
  return *number;
}

std::uint64_t RunDocument::sum(std::uint64_t a, std::uint64_t b, std::string_view pointer) const {
  if (a > std::numeric_limits<std::uint64_t>::max() - b)
    refuse(pointer, "out of range: the sum exceeds 64 bits");
  return a + b;
}

std::string RunDocument::text(std::string_view pointer) const {
  const json::value& value = at(pointer);
  if (!value.is_string()) refuse(pointer, "not a string");
  return std::string(value.as_string());
}

const json::object& RunDocument::object(std::string_view pointer) const {
  const json::value& value = at(pointer);
  if (!value.is_object()) refuse(pointer, "not an object");
  return value.as_object();
}

const json::array& RunDocument::array(std::string_view pointer) const {
  const json::value& value = at(pointer);
  if (!value.is_array()) refuse(pointer, "not an array");
  return value.as_array();
}

echo::Histogram RunDocument::histogram(std::string_view pointer) const {
  const std::string here(pointer);
  echo::Histogram::Parts parts;
  for (const json::value& bin : array(here + "/bins")) {
    const bool pair = bin.is_array() && bin.as_array().size() == 2;
    const auto lower = pair ? whole_number(bin.as_array()[0]) : std::nullopt;
    const auto held = pair ? whole_number(bin.as_array()[1]) : std::nullopt;
    if (!lower || !held) refuse(here + "/bins", "not pairs of a lower edge and a count");
    parts.bins.push_back({*lower, *held});
  }
  const auto unless_null = [this, &here](const char* key) {
    return at(here + key).is_null() ? std::nullopt : std::optional(count(here + key));
  };
  parts.count = count(here + "/count");
  parts.sum = count(here + "/sum");
  parts.min = unless_null("/min").value_or(0);
  parts.max = unless_null("/max").value_or(0);
  parts.censored = count(here + "/censored");
  parts.lowest_censored = unless_null("/lowest_censored");
  try {
    return echo::Histogram::from(parts);
  } catch (const std::invalid_argument& error) {
    refuse(pointer, error.what());
  }
}

RunDocument read_document(const std::string& path) {
  constexpr std::uint64_t most = 256ULL << 20U;  // a document of 10,000 rounds has some 2 MB
  const std::string text = [&path] {
    try {
      return read_input_file(path, most);
    } catch (const std::invalid_argument& error) {
      throw echo::Exit(echo::exit_usage, error.what());
    }
  }();
  boost::system::error_code failed;
  json::value document = json::parse(text, failed);
  if (failed) throw echo::Exit(echo::exit_usage, path + ": not JSON (" + failed.message() + ")");
  return {path, std::move(document)};
}

}  // namespace client
