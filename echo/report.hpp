// One schema for every program ("echo-testbed/1"): figures in a document, and in a text.
//
// Times are integer nanoseconds, sizes are bytes. A figure that could not be read is null in JSON
// and "-" in text. Where documents go: echo/output.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "echo/cli_fwd.hpp"
#include "echo/histogram.hpp"
#include "limits/usage.hpp"

namespace echo {

inline constexpr std::string_view schema_name = "echo-testbed/1";

/// null when it could not be read.
boost::json::value to_json(std::optional<std::uint64_t> value);
/// A histogram in a document (docs/schema/client.json): { count, censored, min, max, mean, sum,
/// lowest_censored, overflow, percentiles, at_least, bins }. A percentile is null with fewer than
/// ten samples above it. `at_least` lists the percentiles that are lower bounds (censored values,
/// or beyond the axis). Histogram::from() makes the same histogram from it again.
boost::json::value to_json(const Histogram& histogram);
/// The usage of processes in a document (docs/schema/server.json). `per_connection`: bytes of
/// resident memory, null when unknown.
boost::json::value to_json(const limits::Usage& usage, std::optional<std::uint64_t> per_connection);
/// Every option of `app` with its effective value, as a user would type it.
boost::json::object options_to_json(const CLI::App& app);
/// Kernel, processor, memory, compiler, libraries, time: enough to explain a figure.
boost::json::object environment();

/// One line of UTF-8.
std::string text_of_document(const boost::json::value& document);

/// "1.23 ms", ">= 10 s" or "-".
std::string text_of(const std::optional<Percentile>& percentile);

}  // namespace echo
