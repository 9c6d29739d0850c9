#include "echo/report.hpp"

#include <CLI/App.hpp>

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/version.hpp>
#include <ctime>
#include <fstream>
#include <limits>

#include "echo/options.hpp"
#include "limits/proc_text.hpp"
#include "limits/quantity.hpp"

namespace echo {
namespace {

namespace json = boost::json;

/// The value after "key<spaces>:" in a /proc file, or "".
std::string field_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos) {
      const std::size_t first = line.find_first_not_of(" \t", colon + 1);
      return first == std::string::npos ? "" : line.substr(first);
    }
  }
  return "";
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

json::value to_json(std::optional<std::uint64_t> value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value to_json(const Histogram& histogram) {
  struct Named {
    double percent;
    const char* key;
  };
  static constexpr std::array<Named, 5> wanted{
      {{50, "50"}, {90, "90"}, {99, "99"}, {99.9, "99.9"}, {99.99, "99.99"}}};
  json::object percentiles;
  json::array at_least;
  for (const auto& [percent, key] : wanted) {
    const auto value = histogram.percentile(percent);
    percentiles[key] = value ? json::value(value->ns) : json::value(nullptr);
    if (value && value->at_least) at_least.emplace_back(key);
  }
  json::array bins;
  for (const auto& bin : histogram.bins()) bins.push_back(json::array{bin.lower, bin.count});
  const bool any = histogram.count() > 0;
  return json::object{{"count", histogram.count()},
                      {"censored", histogram.censored()},
                      {"min", any ? json::value(histogram.min()) : json::value(nullptr)},
                      {"max", any ? json::value(histogram.max()) : json::value(nullptr)},
                      {"mean", any ? json::value(static_cast<std::uint64_t>(histogram.mean()))
                                   : json::value(nullptr)},
                      {"sum", histogram.sum()},
                      {"lowest_censored", to_json(histogram.lowest_censored())},
                      {"overflow", histogram.overflow()},
                      {"percentiles", percentiles},
                      {"at_least", at_least},
                      {"bins", bins}};
}

json::value to_json(const limits::Usage& usage, std::optional<std::uint64_t> per_connection) {
  json::array pids;
  for (const pid_t pid : usage.pids) pids.push_back(pid);
  return json::object{{"pids", pids},
                      {"rss", to_json(usage.rss)},
                      {"pss", to_json(usage.pss)},
                      {"peak_rss", to_json(usage.peak_rss)},
                      {"rss_anon", to_json(usage.rss_anon)},
                      {"virtual", to_json(usage.virtual_size)},
                      {"page_tables", to_json(usage.page_tables)},
                      {"threads", to_json(usage.threads)},
                      {"descriptors", to_json(usage.descriptors)},
                      {"maps", to_json(usage.maps)},
                      {"per_connection", to_json(per_connection)}};
}

json::object options_to_json(const CLI::App& app) {
  json::object options;
  for (const CLI::Option* option : app.get_options()) {
    if (is_request(*option)) continue;
    const std::string& name = option->get_single_name();
    const bool is_flag = option->get_items_expected_max() == 0;
    if (is_flag) {
      const bool set =
          option->count() > 0 ? option->as<bool>() : option->get_default_str() == "true";
      options[name] = set;
    } else if (option->count() > 0) {
      options[name] = option->results().back();
    } else if (!option->get_default_str().empty()) {
      options[name] = option->get_default_str();
    } else {
      options[name] = nullptr;
    }
  }
  return options;
}

json::object environment() {
  utsname names{};
  ::uname(&names);
  const std::string memory = field_of("/proc/meminfo", "MemTotal");
  return json::object{
      {"time", now_utc()},
      {"kernel", std::string(names.sysname) + " " + names.release},
      {"machine", names.machine},
      {"cpu", field_of("/proc/cpuinfo", "model name")},
      {"cpus", static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN))},
      {"memory", memory.empty() ? json::value(nullptr)
                                : json::value(std::strtoull(memory.c_str(), nullptr, 10) * 1024)},
      {"page_size", static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))},
      {"compiler", __VERSION__},
      {"boost", BOOST_LIB_VERSION},
#ifdef NDEBUG
      {"assertions", false},
#else
      {"assertions", true},
#endif
  };
}

std::string text_of_document(const json::value& document) {
  // argv, labels and options may hold any byte. Only strings have bytes beyond ASCII.
  return limits::valid_utf8(json::serialize(document)) + "\n";
}

std::string text_of(const std::optional<Percentile>& percentile) {
  if (!percentile) return "-";
  return (percentile->at_least ? ">= " : "") +
         limits::format_duration(std::chrono::nanoseconds(percentile->ns));
}

}  // namespace echo
