#include "client/report/provenance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <cmath>
#include <ctime>
#include <optional>
#include <set>
#include <utility>

#include "echo/exit_code.hpp"

namespace client {
namespace {

namespace json = boost::json;

/// The begin and end of the measured phase, in seconds since 1970 by that machine's clock. The
/// document's time is the end of the run, to the second.
std::optional<std::pair<double, double>> measured_window(const RunDocument& run) {
  std::tm parts{};
  const std::string time = run.text("/environment/time");
  const char* end = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const auto seconds = [&run](const char* pointer) {
    return run.at(pointer).is_null() ? 0.0 : static_cast<double>(run.count(pointer)) / 1e9;
  };
  const double begin = static_cast<double>(::timegm(&parts)) - seconds("/phases/whole_ns") +
                       seconds("/phases/ramp/ns") + seconds("/phases/warm_up/ns");
  return std::pair(begin, begin + seconds("/phases/measured/ns"));
}

/// Whether all runs measured at the same time for half of the shortest one. Their times are known
/// to the second, so the shortest must have lasted 2 s.
bool ran_together(const Runs& runs) {
  double begin = 0;
  double end = HUGE_VAL;
  double shortest = HUGE_VAL;
  for (const RunDocument& run : runs) {
    const auto window = measured_window(run);
    if (!window) return false;
    begin = std::max(begin, window->first);
    end = std::min(end, window->second);
    shortest = std::min(shortest, window->second - window->first);
  }
  return shortest >= 2 && end - begin >= shortest / 2;
}

}  // namespace

const RunDocument& worst_of(const Runs& runs) {
  const auto rank = [](const RunDocument& run) {
    constexpr std::array<std::uint64_t, 7> ascending{0, 1, 4, 5, 7, 2, 3};
    const std::uint64_t code = run.count("/exit_code");
    const auto* const at = std::find(ascending.begin(), ascending.end(), code);
    return code >= echo::exit_signal ? ascending.size() + 1
                                     : static_cast<std::size_t>(at - ascending.begin());
  };
  return *std::max_element(runs.begin(), runs.end(),
                           [&rank](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

json::array warnings_of(const Runs& runs, bool fleet) {
  json::array warnings;
  if (runs.size() > 1 && !fleet) {
    warnings.emplace_back(
        ran_together(runs)
            ? "the runs' measured phases overlap by their clocks: rates and max_concurrent are sums"
            : "rates and max_concurrent are sums, correct only if the runs were made at the same "
              "time; by their clocks they were not, or they were too short to decide");
  }
  for (const RunDocument& run : runs) {
    for (const json::value& warning : run.array("/warnings")) {
      if (!warning.is_string()) run.refuse("/warnings", "not an array of strings");
      const std::string whose =
          fleet ? fmt::format("rank {} ({})", run.count("/rank/rank"), run.text("/rank/host"))
                : run.name();
      warnings.emplace_back(whose + ": " + std::string(warning.as_string()));
    }
  }
  return warnings;
}

json::array origins_of(const Runs& runs) {
  json::array parts;
  for (const RunDocument& run : runs) {
    if (const json::value& before = run.at("/merged_from"); before.is_array()) {
      for (const json::value& part : before.as_array()) parts.push_back(part);
      continue;
    }
    json::object part{{"file", run.name()}};
    for (const char* key : {"status", "exit_code", "argv", "labels", "environment", "memory", "cpu",
                            "kernel", "repeats"}) {
      part[key] = run.at(std::string("/") + key);
    }
    parts.push_back(part);
  }
  return parts;
}

json::object common_labels(const Runs& runs) {
  json::object labels;
  for (const json::key_value_pair& label : runs.front().object("/labels")) {
    const bool shared = std::all_of(runs.begin(), runs.end(), [&](const RunDocument& run) {
      const json::value* other = run.object("/labels").if_contains(label.key());
      return other != nullptr && *other == label.value();
    });
    if (shared) labels[label.key()] = label.value();
  }
  return labels;
}

std::string targets_of(const Runs& runs) {
  std::set<std::string> names;
  for (const RunDocument& run : runs) names.insert(run.text("/target"));
  return fmt::format("{}", fmt::join(names, ", "));
}

void refuse_the_same_twice(const Runs& runs) {
  for (auto run = runs.begin(); run != runs.end(); ++run) {
    const auto same = std::find_if(runs.begin(), run, [&run](const RunDocument& other) {
      return other.whole() == run->whole();
    });
    if (same != run) run->refuse("", "the same document as " + same->name());
  }
}

}  // namespace client
