#include "client/report/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>

#include "client/options/objective.hpp"
#include "echo/exit_code.hpp"

namespace client {
namespace {

namespace json = boost::json;

void count(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.count(pointer));
}
void count_or_null(const RunDocument& run, const std::string& pointer) {
  if (!run.at(pointer).is_null()) count(run, pointer);
}
void rate_or_null(const RunDocument& run, const std::string& pointer) {
  const json::value& value = run.at(pointer);
  if (value.is_null()) return;
  constexpr double most = 1e15;  // a sum of rates stays a whole number of 64 bits
  const double rate = value.is_number() ? value.to_number<double>() : -1;
  if (!(rate >= 0 && rate <= most)) run.refuse(pointer, "not a rate");
}
void text(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.text(pointer));
}
void object(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.object(pointer));
}
void object_or_null(const RunDocument& run, const std::string& pointer) {
  if (!run.at(pointer).is_null()) object(run, pointer);
}
void array(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.array(pointer));
}
void texts(const RunDocument& run, const std::string& pointer) {
  for (const json::value& each : run.array(pointer)) {
    if (!each.is_string()) run.refuse(pointer, "not an array of strings");
  }
}
void labels(const RunDocument& run, const std::string& pointer) {
  for (const auto& [key, value] : run.object(pointer)) {
    if (!value.is_string()) run.refuse(pointer, "not an object of strings");
  }
}
void histogram(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.histogram(pointer));
}
void histogram_or_null(const RunDocument& run, const std::string& pointer) {
  if (!run.at(pointer).is_null()) histogram(run, pointer);
}

struct Field {
  const char* pointer;
  void (*check)(const RunDocument&, const std::string&);
};

constexpr Field fields[] = {
    {"/status", text},
    {"/exit_code", count},
    {"/argv", texts},
    {"/options", object},
    {"/labels", labels},
    {"/mode", text},
    {"/target", text},
    {"/sources", count},
    {"/connections/requested", count},
    {"/connections/established", count},
    {"/connections/served", count},
    {"/connections/max_concurrent", count},
    {"/connections/total", count},
    {"/connections/open_at_end", count},
    {"/connections/slow", count},
    {"/connections/failed", object},
    {"/connections/errors", array},
    {"/echoes/sent", count},
    {"/echoes/verified", count},
    {"/echoes/bytes_verified", count},
    {"/echoes/late", count},
    {"/echoes/unsent", count},
    {"/echoes/first_mismatch", object_or_null},
    {"/phases/ramp/ns", count},
    {"/phases/ramp/echo", histogram_or_null},
    {"/phases/warm_up", object_or_null},
    {"/phases/measured/ns", count},
    {"/phases/measured/sent", count},
    {"/phases/measured/verified", count},
    {"/phases/measured/echoes_within", count},
    {"/phases/measured/bytes_within", count},
    {"/phases/measured/connections_within", count},
    {"/phases/idle/ns", count},
    {"/phases/drain/ns", count},
    {"/phases/whole_ns", count},
    {"/throughput/echoes_per_s", rate_or_null},
    {"/throughput/bytes_per_s", rate_or_null},
    {"/throughput/connects_per_s", rate_or_null},
    {"/latency/loop", text},
    {"/latency/connect", histogram},
    {"/latency/echo", histogram},
    {"/latency/wire", histogram_or_null},
    {"/latency/lateness", histogram_or_null},
    {"/latency/censored", count},
    {"/objectives", array},
    {"/memory", object_or_null},
    {"/cpu", object_or_null},
    {"/kernel", object_or_null},
    {"/repeats", array},
    {"/environment/time", text},
    {"/warnings", texts},
};

/// Those of phases/warm_up, where the run had one.
constexpr Field warm_up_fields[] = {
    {"/phases/warm_up/ns", count},
    {"/phases/warm_up/sent", count},
    {"/phases/warm_up/verified", count},
    {"/phases/warm_up/echo", histogram},
};

constexpr Field mismatch_fields[] = {
    {"/echoes/first_mismatch/connection", count}, {"/echoes/first_mismatch/message", count},
    {"/echoes/first_mismatch/offset", count},     {"/echoes/first_mismatch/expected", count},
    {"/echoes/first_mismatch/got", count},        {"/echoes/first_mismatch/owner", object_or_null},
};

template <std::size_t N>
void check_all(const RunDocument& run, const Field (&table)[N]) {
  for (const Field& field : table) field.check(run, field.pointer);
}

void one_of(const RunDocument& run, const char* pointer,
            std::initializer_list<std::string_view> words) {
  const std::string value = run.text(pointer);
  if (std::find(words.begin(), words.end(), value) == words.end())
    run.refuse(pointer, fmt::format("\"{}\" is not one of: {}", value, fmt::join(words, ", ")));
}

void check_end(const RunDocument& run) {
  const std::uint64_t code = run.count("/exit_code");
  const auto meanings = echo::exit_meanings();
  const bool known = std::any_of(meanings.begin(), meanings.end(), [code](const auto& meaning) {
    return static_cast<std::uint64_t>(meaning.code) == code;
  });
  if (!known) run.refuse("/exit_code", fmt::format("{} is no exit code of the client", code));
  one_of(run, "/status", {"pass", "fail", "interrupted"});
  const std::string status = run.text("/status");
  const std::string_view expected = code == 0                   ? "pass"
                                    : code >= echo::exit_signal ? "interrupted"
                                                                : "fail";
  if (status != expected)
    run.refuse("/status", fmt::format("\"{}\", but exit_code is {}", status, code));
}

/// Causes, phases and errno of the failures; the same numbers as in `failed`.
void check_failures(const RunDocument& run) {
  std::map<std::string, std::uint64_t> by_cause;
  std::uint64_t failed = 0;
  for (const auto& [key, value] : run.object("/connections/failed")) {
    const std::string cause(key);
    const bool is_name =
        !cause.empty() &&
        cause.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!is_name) run.refuse("/connections/failed", "not an object of causes");
    by_cause[cause] = run.count("/connections/failed/" + cause);
    failed = run.sum(failed, by_cause[cause], "/connections/failed");
  }
  const std::uint64_t requested = run.count("/connections/requested");
  const std::uint64_t served = run.count("/connections/served");
  if (run.sum(served, failed, "/connections") != requested) {
    run.refuse("/connections",
               fmt::format("requested {} is not served {} + failed {}", requested, served, failed));
  }
  for (std::size_t i = 0; i < run.array("/connections/errors").size(); ++i) {
    const std::string here = fmt::format("/connections/errors/{}", i);
    text(run, here + "/phase");
    count(run, here + "/errno");
    const auto found = by_cause.find(run.text(here + "/cause"));
    const std::uint64_t number = run.count(here + "/count");
    if (found == by_cause.end() || found->second < number)
      run.refuse(here, "more than /connections/failed has of this cause");
    found->second -= number;
  }
  for (const auto& [cause, left] : by_cause) {
    if (left > 0)
      run.refuse("/connections/errors", fmt::format("{} of {} are missing", left, cause));
  }
}

/// A part is never more than its whole.
void check_order(const RunDocument& run) {
  struct Pair {
    const char* part;
    const char* whole;
  };
  constexpr Pair pairs[] = {{"/connections/served", "/connections/established"},
                            {"/connections/slow", "/connections/established"},
                            {"/connections/established", "/connections/total"},
                            {"/connections/total", "/connections/requested"},
                            {"/connections/max_concurrent", "/connections/established"},
                            {"/connections/open_at_end", "/connections/max_concurrent"},
                            {"/echoes/verified", "/echoes/sent"},
                            {"/phases/measured/verified", "/phases/measured/sent"}};
  for (const Pair& pair : pairs) {
    if (run.count(pair.part) > run.count(pair.whole))
      run.refuse(pair.part, fmt::format("above {}", pair.whole));
  }
  const std::uint64_t censored = run.count("/latency/echo/censored");
  if (run.count("/latency/censored") != censored)
    run.refuse("/latency/censored", fmt::format("not that of /latency/echo, {}", censored));
}

void check_objectives(const RunDocument& run) {
  for (std::size_t i = 0; i < run.array("/objectives").size(); ++i) {
    const std::string here = fmt::format("/objectives/{}", i);
    const std::string objective = run.text(here + "/text");
    try {
      static_cast<void>(Objective::parse(objective));
    } catch (const std::invalid_argument& error) {
      run.refuse(here + "/text", error.what());
    }
    one_of(run, (here + "/verdict").c_str(), {"held", "missed", "unproven"});
    count_or_null(run, here + "/value_ns");
  }
}

void check_origins(const RunDocument& run) {
  if (run.at("/merged_from").is_null()) return;
  for (std::size_t i = 0; i < run.array("/merged_from").size(); ++i) {
    const std::string here = fmt::format("/merged_from/{}", i);
    object(run, here);
    text(run, here + "/file");
  }
}

}  // namespace

void validate(const RunDocument& run) {
  for (const char* other : {"/find_rate", "/calibration"}) {
    if (!run.at(other).is_null()) run.refuse(other, "a search or a calibration cannot be merged");
  }
  check_all(run, fields);
  if (!run.at("/phases/warm_up").is_null()) check_all(run, warm_up_fields);
  if (!run.at("/echoes/first_mismatch").is_null()) check_all(run, mismatch_fields);
  one_of(run, "/mode", {"hold", "stream", "churn"});
  one_of(run, "/latency/loop", {"closed", "open", "burst"});
  if (!run.at("/latency/arrivals").is_null())
    one_of(run, "/latency/arrivals", {"uniform", "poisson"});
  check_end(run);
  check_failures(run);
  check_order(run);
  check_objectives(run);
  check_origins(run);
}

}  // namespace client
