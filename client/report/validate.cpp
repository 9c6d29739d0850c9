#include "client/report/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <stdexcept>
#include <string>

#include "client/options/objective.hpp"
#include "client/report/document_fields.hpp"
#include "client/report/ranks.hpp"
#include "echo/exit_code.hpp"

namespace client {
namespace {

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
    require_text(run, here + "/phase");
    require_count(run, here + "/errno");
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
    require_count_or_null(run, here + "/value_ns");
  }
}

void check_origins(const RunDocument& run) {
  if (run.at("/merged_from").is_null()) return;
  for (std::size_t i = 0; i < run.array("/merged_from").size(); ++i) {
    const std::string here = fmt::format("/merged_from/{}", i);
    require_object(run, here);
    require_text(run, here + "/file");
  }
}

}  // namespace

void validate(const RunDocument& run) {
  for (const char* other : {"/find_rate", "/calibration"}) {
    if (!run.at(other).is_null()) run.refuse(other, "a search or a calibration cannot be merged");
  }
  check_fields(run);
  one_of(run, "/mode", {"hold", "stream", "churn"});
  one_of(run, "/latency/loop", {"closed", "open", "burst"});
  if (!run.at("/latency/arrivals").is_null())
    one_of(run, "/latency/arrivals", {"uniform", "poisson"});
  if (!run.at("/protocol").is_null()) one_of(run, "/protocol", {"echo", "http"});
  if (!run.at("/connections/reconnects").is_null()) require_count(run, "/connections/reconnects");
  check_end(run);
  check_failures(run);
  check_order(run);
  check_objectives(run);
  check_origins(run);
  check_rank(run);
}

}  // namespace client
